"""Letting parked event handlers go on, and forgetting those that are gone: who may, and what is refused."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from agents_app.core.events import RecordedEvent
from agents_app.exceptions import NotFound, NotPermitted, WrongState
from agents_app.models import EventCursor, EventHandler
from agents_app.runtime.handling import deliver
from agents_app.selectors.handlers import CursorState, handler_states, next_event, state_of
from agents_app.services import SYSTEM, Run, cancel_run, forget_handler, release_handler, start_run
from agents_app.testing import AgentsKit
from agents_app.testing.executor import WaitingExecutor
from tests import office
from tests.ears import Ear, cursor, ear, no_handlers
from tests.office import Clerk

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    with no_handlers():
        yield


def boom(event: RecordedEvent) -> None:
    if event.sequence == 1:
        raise RuntimeError("no luck")


@pytest.fixture
def broken(agents: AgentsKit) -> tuple[Ear, Run[Any]]:
    """A handler that is parked for one run, of which it has not heard the end."""
    found = ear("run.*", does=boom, attempts=1)
    run = start_run(Clerk, "x")
    deliver()
    cancel_run(run.id, by=SYSTEM)
    return found, run


def test_released_it_is_told_the_same_event_again(broken: tuple[Ear, Run[Any]]) -> None:
    handler, _ = broken
    handler.does = None
    row = release_handler(cursor().pk, by=office.person("ops", "agents_app.control_eventcursor"))
    assert (row.parked_at, row.attempts, row.sequence) == (None, 0, 0)
    assert (state_of(row), row.error) == (CursorState.WAITING, "")  # nothing has failed since
    deliver()
    assert handler.numbers == [1, 1, 2, 3]
    assert state_of(cursor()) is CursorState.DONE


def test_skipping_leaves_out_the_event_that_it_could_not_take(broken: tuple[Ear, Run[Any]]) -> None:
    handler, _ = broken
    event = next_event(cursor())
    assert event is not None
    assert event.sequence == 1
    release_handler(cursor().pk, by=SYSTEM, skip=True)
    deliver()
    assert handler.numbers == [1, 2, 3]


def test_a_released_one_is_hinted_at(
    broken: tuple[Ear, Run[Any]],
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    sent: list[UUID] = []
    monkeypatch.setattr(WaitingExecutor, "submit", lambda self, run_id, run_at=None: sent.append(run_id))
    with django_capture_on_commit_callbacks(execute=True):
        release_handler(cursor().pk, by=SYSTEM)
        assert sent == []
    assert sent == [broken[1].id]


def test_who_may(broken: tuple[Ear, Run[Any]]) -> None:
    with pytest.raises(NotFound):
        release_handler(cursor().pk, by=office.person("nobody"))
    with pytest.raises(NotPermitted, match="control_eventcursor"):
        release_handler(cursor().pk, by=office.person("viewer", "agents_app.view_eventcursor"))
    with pytest.raises(NotPermitted):
        forget_handler("ear", by=office.person("other", "agents_app.view_eventcursor"))
    with pytest.raises(NotFound):
        release_handler(uuid4(), by=SYSTEM)
    assert cursor().parked_at is not None


def test_only_what_is_parked_is_released(broken: tuple[Ear, Run[Any]]) -> None:
    release_handler(cursor().pk, by=SYSTEM)
    for skip in (False, True):
        with pytest.raises(WrongState) as error:
            release_handler(cursor().pk, by=SYSTEM, skip=skip)
        assert error.value.code == "not_parked"


def test_what_is_not_in_the_code_cannot_be_skipped_but_forgotten(broken: tuple[Ear, Run[Any]]) -> None:
    with pytest.raises(WrongState, match="still in the code"):
        forget_handler("ear", by=SYSTEM)
    with no_handlers():
        with pytest.raises(WrongState, match="does not say"):
            release_handler(cursor().pk, by=SYSTEM, skip=True)
        assert forget_handler("ear", by=SYSTEM) == 1
    assert not EventCursor.objects.exists()
    assert not EventHandler.objects.exists()


def test_the_states(broken: tuple[Ear, Run[Any]], agents: AgentsKit) -> None:
    assert state_of(cursor()) is CursorState.PARKED
    failing = ear("run.started", name="failing", does=boom)
    ear("run.failed", name="never")
    start_run(Clerk, "y")
    with no_handlers():
        ear("run.*", name="new")
        states = {state.name: state for state in handler_states()}
    assert {name: (state.known, state.seen, state.waiting, state.parked) for name, state in states.items()} == {
        "ear": (False, True, 1, 1),
        "failing": (False, True, 1, 0),
        "new": (True, False, 0, 0),
    }
    assert state_of(cursor("failing")) is CursorState.WAITING
    deliver()
    assert failing.numbers == [1]
    assert state_of(cursor("failing")) is CursorState.FAILING
