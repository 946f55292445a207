"""People with different permissions, their clients, and runs of the till in different states."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from agents_app.definitions.registry import registry
from agents_app.models import ApprovalRequest, InputRequest, ToolCall
from agents_app.services import Run, start_run
from agents_app.testing import AgentsKit
from tests.admin.till import PERMISSION, PlannedLLM, Till
from tests.office import person, persons

VIEW = tuple(f"agents_app.view_{noun}" for noun in ("agentcontext", "approvalrequest", "inputrequest", "agentsession"))
DECIDE = ("agents_app.decide_approvalrequest", PERMISSION)
ROLES: dict[str, tuple[str, ...]] = {
    "nobody": (),
    "viewer": VIEW,
    "reader": (*VIEW, "agents_app.view_transcript"),
    "approver": (*VIEW, "agents_app.view_transcript", *DECIDE),
    "second": (*VIEW, "agents_app.view_transcript", *DECIDE),
    "decider": DECIDE,
    "unfit": (*VIEW, "agents_app.view_transcript", "agents_app.decide_approvalrequest"),
    "requester": ("agents_app.start_run",),
    "lead": (
        *VIEW,
        *DECIDE,
        "agents_app.view_transcript",
        "agents_app.view_sensitive",
        "agents_app.settle_toolcall",
        "agents_app.answer_inputrequest",
        "agents_app.control_run",
        "agents_app.start_run",
    ),
}
"""Staff, by what they may do; besides there are `admin` (superuser), `gone` (inactive) and `customer` (no staff)."""


@pytest.fixture(autouse=True)
def addresses(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.admin.urls"


@pytest.fixture
def people(db: None) -> dict[str, Any]:
    found = persons(ROLES, is_staff=True)
    found["gone"] = person("gone", *ROLES["lead"], is_staff=True, is_active=False)
    found["customer"] = person("customer", "agents_app.start_run")
    found["admin"] = get_user_model().objects.create_superuser("admin", password="pw")
    return found


@pytest.fixture
def till() -> Iterator[AgentsKit]:
    """The till is registered and goes by its plans; the queue is off."""
    with registry.override(Till), AgentsKit.opened() as kit:
        kit.scripted_llm(Till, PlannedLLM())  # type: ignore[arg-type]
        yield kit


@pytest.fixture
def as_(people: dict[str, Any]) -> Callable[[str], Client]:
    """A client logged in as this person."""

    def client(name: str) -> Client:
        client = Client()
        client.force_login(people[name])
        return client

    return client


@pytest.fixture
def run_of(people: dict[str, Any], till: AgentsKit) -> Callable[..., Run[Any]]:
    """A run of the customer by one of the plans, gone as far as it goes by itself."""
    Group.objects.get_or_create(name="friends")

    def start(plan: str, **options: Any) -> Run[Any]:
        run: Run[Any] = start_run("till", plan, **{"user": people["customer"], **options})
        till.run_until_idle()
        return run.again()

    return start


def key_of(row: Any) -> str:
    """How addresses name a run, or a row."""
    return str(row.id) if isinstance(row, Run) else quote(row.pk)


def page_of(row: Any) -> str:
    """The address of the page of a run, request, question or call."""
    name = "agentcontext" if isinstance(row, Run) else row._meta.model_name
    return reverse(f"admin:agents_app_{name}_change", args=[key_of(row)])


def list_of(model: str) -> str:
    return reverse(f"admin:agents_app_{model}_changelist")


def request_of(run: Run[Any]) -> ApprovalRequest:
    return (
        ApprovalRequest.objects.select_related("call").filter(context_id=run.id).latest("pk")
    )  # several may be of one moment


def question_of(run: Run[Any]) -> InputRequest:
    return InputRequest.objects.get(context_id=run.id)


def call_of(run: Run[Any]) -> ToolCall:
    return ToolCall.objects.filter(context_id=run.id).latest("number")


def told(response: Any) -> str:
    """The messages that the next page shows."""
    return " ".join(str(message) for message in response.wsgi_request._messages)
