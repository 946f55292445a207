"""What the description promises, asked for by schemathesis: as a customer, an approver and an admin, on seeded data."""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from rest_framework.settings import api_settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from agents_app.api.throttling import RATES
from agents_app.services import SYSTEM, Run, hide_run, pause_run
from tests.api.test_permissions import MATRIX, PEOPLE, RUNS, filled_in, ids_of

CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
ROLES = ("customer", "approver", "admin")
IDS = {
    "run_id": "run",
    "number": "number",
    "call_id": "call",
    "request_id": "",
    "session_id": "session",
    "policy_id": "policy",
    "switch_id": "switch",
    "delegation_id": "delegation",
    "grant_id": "grant",
    "fact_id": "fact",
    "entity_id": "entity",
    "notification_id": "notification",
}


@pytest.fixture
def connection_kept() -> Iterator[None]:
    """As Django's own test client does: requests are within the test's transaction."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture(scope="session")
def described(served_description: str) -> dict[str, Any]:
    """Every operation by its id, answered by this project's WSGI application."""
    schema = schemathesis.openapi.from_dict(json.loads(served_description))
    schema.app = get_wsgi_application()
    found = [result.ok() for result in schema.get_all_operations()]
    return {operation.definition.raw["operationId"]: operation for operation in found}


@pytest.fixture
def operations(
    described: dict[str, Any], desk: Any, connection_kept: None, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """The operations, asked as often as a test likes."""
    monkeypatch.setattr(api_settings, "DEFAULT_THROTTLE_RATES", dict.fromkeys(RATES), raising=False)
    # What is asked for is the answer, not the time until it comes.
    monkeypatch.setattr(Run, "wait", lambda run, timeout=None: run)
    return described


@pytest.fixture
def ids(run_of: Callable[..., Run[Any]]) -> Callable[[str, str], dict[str, Any]]:
    """The ids of a new run that has gone as far as this plan goes."""

    def make(plan: str, session: str) -> dict[str, Any]:
        run = run_of(RUNS.get(plan, plan) or "answer", session=session)
        if plan == "paused":
            pause_run(run.id, by=SYSTEM)
        if plan == "hidden":
            hide_run(run.id, by=SYSTEM)
        return ids_of(run.id, plan)

    return make


def headers(person: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{person}:secret".encode()).decode()}


def path_of(name: str, operation: Any, ids: dict[str, Any]) -> dict[str, str]:
    noun = "approval" if name.startswith("approvals") else "input"
    names = [parameter.name for parameter in operation.path_parameters]
    return {key: "desk" if key == "name" else str(ids[IDS[key] or noun]) for key in names}


@pytest.mark.parametrize("name", MATRIX)
def test_answers_are_as_described(name: str, operations: Any, ids: Any) -> None:
    _, _, plan, body, statuses = MATRIX[name]
    succeeded = 0
    for person in ROLES:
        known = ids(plan, f"mail-{person}")
        filled = None if body is None else filled_in(body, known)
        given_body = {} if filled is None else {"body": filled, "media_type": "application/json"}
        case = operations[name].Case(path_parameters=path_of(name, operations[name], known), **given_body)
        response = case.call_and_validate(headers=headers(person), checks=CHECKS)
        assert response.status_code == statuses[PEOPLE.index(person)]
        succeeded += response.status_code in (200, 201)
    assert succeeded or min(statuses) >= 400, "somebody is answered as described"


def ask(name: str, operation: Any, person: str, path: dict[str, str], examples: int) -> None:
    """Requests that fit the description, and such that break it."""
    kinds = [
        operation.as_strategy(generation_mode=mode, path_parameters=path)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        if mode is GenerationMode.POSITIVE or breakable(operation)
    ]

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(kinds))
    def each(case: Any) -> None:
        case.call_and_validate(headers=headers(person), checks=CHECKS)

    each()


def breakable(operation: Any) -> bool:
    """Whether there is anything besides the path that a request could get wrong."""
    return bool(len(operation.query) or len(operation.body))


@pytest.mark.parametrize("name", MATRIX)
@pytest.mark.parametrize("person", [*(pytest.param(role, marks=pytest.mark.long) for role in ROLES[:-1]), ROLES[-1]])
def test_whatever_is_sent_the_answer_is_as_described(name: str, person: str, operations: Any, ids: Any) -> None:
    ask(name, operations[name], person, path_of(name, operations[name], ids(MATRIX[name][2], "mail")), examples=5)


@pytest.mark.long
@pytest.mark.postgresql_only  # the stricter of the two about what can be stored
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", MATRIX)
@pytest.mark.parametrize("person", ROLES)
def test_whatever_is_sent_at_length(name: str, person: str, operations: Any, ids: Any) -> None:
    ask(name, operations[name], person, path_of(name, operations[name], ids(MATRIX[name][2], "mail")), examples=40)
