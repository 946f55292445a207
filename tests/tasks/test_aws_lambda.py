"""The handler's events: what is taken, what is refused and how, and how long it drives."""

from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.test import override_settings

from agents_app import tasks
from agents_app.exceptions import IdempotencyConflict, InvalidInput, NotFound, UnknownAgent
from agents_app.models import AgentContext
from agents_app.runtime import drive
from agents_app.runtime.shutdown import replaced
from agents_app.testing.executor import WAITING
from tests import office

pytestmark = pytest.mark.django_db(transaction=True)


def handled(event: Any, seconds: float = 300, request_id: str = "r-1") -> dict[str, Any]:
    context = SimpleNamespace(aws_request_id=request_id, get_remaining_time_in_millis=lambda: int(seconds * 1000))
    with office.open_office(), override_settings(AGENTS_APP={"EXECUTOR": WAITING}):
        try:
            return tasks.lambda_handler(event, context)
        finally:
            replaced.clear()


START = {"action": "start", "agent": "clerk", "input": "x"}


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (None, "valid dictionary"),
        ([], "valid dictionary"),
        ({}, "'action'"),
        ({"action": "stop"}, "does not match any of the expected tags: 'start', 'continue', 'sweep'"),
        ({"action": "continue"}, "run_id: Field required"),
        ({"action": "continue", "run_id": "nonsense"}, "run_id: Input should be a valid UUID"),
        ({"action": "start", "agent": "clerk"}, "input: Field required"),
        ({**START, "user": 7}, "user: Input should be a valid string"),
        ({**START, "sesion": "mail"}, "sesion: Extra inputs are not permitted"),
        ({"version": "0", "detail-type": "Scheduled Event"}, "'action'"),
    ],
)
def test_an_event_that_cannot_be_used(event: Any, text: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        handled(event)
    assert text in raised.value.message
    assert '{"action": "sweep"}' in raised.value.message
    assert not AgentContext.objects.exists()


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({**START, "agent": "nobody"}, UnknownAgent),
        ({**START, "input": "  "}, InvalidInput),
        ({**START, "user": "ghost"}, NotFound),
    ],
)
def test_a_start_that_is_refused(event: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        handled(event)
    assert not AgentContext.objects.exists()


def test_a_start() -> None:
    ada = office.person("ada")
    answer = handled({**START, "user": "ada"})
    context = AgentContext.objects.get()
    assert answer == {"run_id": str(context.pk), "status": "idle"}
    assert context.user == ada
    assert context.details.started_by_name == "system"


def test_a_start_that_is_delivered_twice_is_one_run() -> None:
    assert handled(START) == handled(START)
    assert handled(START, request_id="r-2") != handled(START)
    assert handled({**START, "idempotency_key": "k"}) == handled({**START, "idempotency_key": "k"}, request_id="r-3")
    with pytest.raises(IdempotencyConflict):
        handled({**START, "input": "y", "idempotency_key": "k"})
    assert AgentContext.objects.count() == 3


@pytest.mark.parametrize(("left", "driven_for"), [(300, 297), (4, 1), (3.9, None), (0, None)])
def test_it_drives_for_the_time_that_is_left(
    left: float, driven_for: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    driven: list[Any] = []
    monkeypatch.setattr(drive, "continue_run", lambda run_id, seconds: driven.append((run_id, seconds)))
    run_id = str(uuid4())
    assert handled({"action": "continue", "run_id": run_id}, seconds=left) == {"run_id": run_id}
    assert driven == ([] if driven_for is None else [(run_id, driven_for)])


def test_a_run_that_does_not_exist_is_nothing() -> None:
    run_id = str(uuid4())
    assert handled({"action": "continue", "run_id": run_id}) == {"run_id": run_id}


def test_the_sweep() -> None:
    handled(START)
    assert handled({"action": "sweep"}) == {"due": 1, "stale_leases": 0, "hinted": 1}
