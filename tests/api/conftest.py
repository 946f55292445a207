"""People with different permissions, their clients, and runs in different states."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client
from rest_framework.test import APIClient

from agents_app.definitions.registry import registry
from agents_app.models import LLMState
from agents_app.services import Run, start_run
from agents_app.testing import AgentsKit
from tests.api.desk import Desk, desk_llm
from tests.office import persons

ROLES = {
    "customer": ["agents_app.start_run"],
    "stranger": ["agents_app.start_run"],
    "viewer": [
        f"agents_app.view_{noun}" for noun in ("agentcontext", "approvalrequest", "inputrequest", "agentsession")
    ],
    "approver": [
        "agents_app.decide_approvalrequest",
        "agents_app.settle_toolcall",
        "agents_app.answer_inputrequest",
        "agents_app.control_run",
        "agents_app.view_agentcontext",
        "agents_app.view_transcript",
        "auth.change_user",
    ],
}


def make_people() -> dict[str, Any]:
    """One user per role, and a superuser."""
    LLMState.objects.get_or_create(name="far")  # what `llms/` lists
    people = persons(ROLES, password="secret")
    return {**people, "admin": get_user_model().objects.create_superuser("admin", password="secret")}


@pytest.fixture
def people(db: None) -> dict[str, Any]:
    return make_people()


@pytest.fixture
def desk() -> Iterator[AgentsKit]:
    """The desk is registered and goes by its plans; the queue is off."""
    cache.clear()
    with registry.override(Desk), AgentsKit.opened() as kit:
        kit.scripted_llm(Desk, desk_llm())  # type: ignore[arg-type]
        yield kit


@pytest.fixture
def client_of(people: dict[str, Any]) -> Callable[[str], APIClient]:
    """A client logged in as this person; "" for nobody."""

    def client(name: str) -> APIClient:
        client = APIClient()
        if name:
            client.force_login(people[name])
        return client

    return client


@pytest.fixture
def run_of(people: dict[str, Any], desk: AgentsKit) -> Callable[..., Run[Any]]:
    """A run of the customer by one of the plans, gone as far as it goes by itself."""

    def start(plan: str, **options: Any) -> Run[Any]:
        run: Run[Any] = start_run("desk", plan, **{"user": people["customer"], **options})
        desk.run_until_idle()
        return run.again()

    return start


@pytest.fixture
def description(served_description: str) -> dict[str, Any]:
    """The OpenAPI description, as it is served."""
    return json.loads(served_description)


@pytest.fixture(scope="session")
def served_description() -> str:
    """Made once: it depends on nothing but the code, and making it takes longer than most tests."""
    answer = Client().get("/api/schema/", headers={"accept": "application/vnd.oai.openapi+json"})
    assert answer.status_code == 200
    return answer.content.decode()
