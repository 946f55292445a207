"""Event handlers are told of each event they want, in order per run, until they have taken it in or are parked."""

import asyncio
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import IntegrityError
from django.test import override_settings

from agents_app import Agent, on
from agents_app.core.event_payloads import RunCompleted
from agents_app.core.events import RecordedEvent
from agents_app.definitions.registry import registry
from agents_app.models import AgentEvent, EventCursor, EventHandler, database_now
from agents_app.runtime.drive import drive_due
from agents_app.runtime.handling import deliver
from agents_app.services import SYSTEM, cancel_run, read_run, start_run
from agents_app.testing import AgentsKit, calls, run_until_idle
from agents_app.transitions import cursors
from tests import office
from tests.ears import Ear, cursor, ear, no_handlers
from tests.office import Clerk

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("agents")]


class Other(Agent[str]):
    name = "other"


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    with no_handlers(), registry.override(Clerk, Other):
        yield


def boom(event: RecordedEvent) -> None:
    raise RuntimeError("no luck")


# What they are told.


def test_a_handler_hears_of_what_it_wants_and_of_nothing_else(agents: AgentsKit) -> None:
    ends, all_of_other = ear("run.completed", agent=Clerk), ear("*", name="other", agent="other")
    agents.scripted_llm(Clerk, calls("look", number="1"), "Done.")
    run = start_run(Clerk, "x")
    assert agents.run_until_idle()
    (event,) = ends.heard
    assert (event.run_id, event.agent, event.type) == (run.id, "clerk", "run.completed")
    row = AgentEvent.objects.get(context_id=run.id, type="run.completed")
    assert (event.sequence, event.at, event.data) == (row.sequence, row.at, row.data)
    assert event.payload == RunCompleted(steps=3)
    assert event.key == f"{run.id}:{row.sequence}"
    assert all_of_other.heard == []
    assert read_run(event.run_id).output == "Done."


def test_a_handler_of_all_events_hears_each_once_and_in_order(agents: AgentsKit) -> None:
    everything = ear("*")
    agents.scripted_llm(Clerk, [calls("look", number="1"), calls("send", text="x")], "Done.")
    run = start_run(Clerk, "x")
    agents.run_until_idle()
    assert everything.numbers == list(range(1, run.again().version + 1))
    assert everything.types == agents.event_types(run)
    agents.run_until_idle()
    assert deliver() == 0
    assert len(everything.heard) == run.again().version


def test_an_async_handler(agents: AgentsKit) -> None:
    heard = []

    @on("run.completed", name="async")
    async def listen(event: RecordedEvent) -> None:
        await asyncio.sleep(0)
        heard.append(event.type)

    agents.scripted_llm(Clerk, "Done.")
    start_run(Clerk, "x")
    agents.run_until_idle()
    assert heard == ["run.completed"]


def test_what_a_handler_starts_goes_on_too(agents: AgentsKit) -> None:
    agents.scripted_llm(Clerk, "Done.")
    started: list[Any] = []

    def again(event: RecordedEvent) -> None:
        if not started:
            started.append(start_run(Clerk, "y"))

    ends = ear("run.completed", does=again)
    start_run(Clerk, "x")
    agents.run_until_idle()
    assert started[0].again().output == "Done."
    assert len(ends.heard) == 2


def test_without_handlers_nothing_is_noted(agents: AgentsKit, django_assert_num_queries: Any) -> None:
    agents.scripted_llm(Clerk, "Done.")
    start_run(Clerk, "x")
    agents.run_until_idle()
    assert not EventCursor.objects.exists()
    assert not EventHandler.objects.exists()
    now = database_now()
    with django_assert_num_queries(0):
        assert deliver() == 0
        assert not cursors.note(uuid4(), "clerk", [], now)


def test_events_that_nobody_wants_are_not_noted(agents: AgentsKit) -> None:
    ear("run.failed")
    agents.scripted_llm(Clerk, "Done.")
    start_run(Clerk, "x")
    agents.run_until_idle()
    assert not EventCursor.objects.exists()


def test_more_events_than_are_told_at_once(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents_app.runtime.handling.AT_ONCE", 2)
    everything = ear("*")
    agents.scripted_llm(Clerk, calls("look", number="1"), "Done.")
    run = start_run(Clerk, "x")
    agents.run_until_idle()
    assert everything.numbers == list(range(1, run.again().version + 1))


def test_handlers_take_turns(agents: AgentsKit) -> None:
    order: list[str] = []
    for name in ("a", "b"):
        ear("run.started", name=name, does=lambda event, name=name: order.append(name))
    for _ in range(3):
        start_run(Clerk, "x")
    deliver()
    assert order == ["a", "b"] * 3


# When they fail.


def test_what_failed_is_told_again_after_longer_and_longer_and_later_events_wait(
    agents: AgentsKit, caplog: pytest.LogCaptureFixture
) -> None:
    everything = ear("*", does=boom)
    agents.scripted_llm(Clerk, "Done.")
    before = database_now()
    run = start_run(Clerk, "x")
    agents.run_until_idle()
    assert everything.numbers == [1]
    row = cursor()
    assert (row.attempts, row.sequence, row.wanted) == (1, 0, 4)
    assert row.error == "Event 1 (run.started): RuntimeError: no luck"
    assert timedelta(seconds=5) <= row.due_at - before <= database_now() - before + timedelta(seconds=5)
    (record,) = [record for record in caplog.records if record.name == "agents_app.handlers"]
    assert (record.run_id, record.handler, record.levelno) == (run.id, "ear", logging.ERROR)  # type: ignore[attr-defined]
    assert record.exc_info is not None
    with agents.move_time(6):
        agents.run_until_idle()
        assert everything.numbers == [1, 1]
        assert 0 < (cursor().due_at - database_now()).total_seconds() <= 10
    everything.does = None
    with agents.move_time(20):
        agents.run_until_idle()
    assert everything.numbers == [1, 1, 1, 2, 3, 4]
    assert (cursor().sequence, cursor().attempts, cursor().error) == (4, 0, "")


def test_tries_are_counted_for_each_event(agents: AgentsKit) -> None:
    everything = ear("*", does=lambda event: boom(event) if event.sequence == 3 else None)
    agents.scripted_llm(Clerk, "Done.")
    start_run(Clerk, "x")
    agents.run_until_idle()
    assert everything.numbers == [1, 2, 3]
    assert (cursor().sequence, cursor().attempts) == (2, 1)
    with agents.move_time(6):
        agents.run_until_idle()
    assert (everything.numbers, cursor().attempts) == ([1, 2, 3, 3], 2)


@pytest.mark.parametrize("option", [True, False], ids=["of the handler", "of the setting"])
def test_after_so_many_tries_it_is_parked_with_the_reason(
    agents: AgentsKit, caplog: pytest.LogCaptureFixture, option: bool
) -> None:
    with override_settings(AGENTS_APP={**settings.AGENTS_APP, "HANDLER_ATTEMPTS": 10 if option else 3}):
        broken = ear("run.started", does=boom, attempts=3 if option else None)
        fine = ear("run.started", name="fine")
        run = start_run(Clerk, "x")
        for minutes in range(6):
            with agents.move_time(60 * minutes):
                deliver()
    assert len(broken.heard) == 3
    assert len(fine.heard) == 1
    row = cursor()
    assert row.parked_at is not None
    assert (row.attempts, row.sequence, row.error) == (3, 0, "Event 1 (run.started): RuntimeError: no luck")
    assert list(EventCursor.objects.parked()) == [row]
    parked = [record for record in caplog.records if "is parked" in record.getMessage()]
    assert [(record.run_id, record.handler) for record in parked] == [(run.id, "ear")]  # type: ignore[attr-defined]


def test_a_parked_one_is_told_nothing_until_it_is_released(agents: AgentsKit) -> None:
    broken = ear("run.*", does=boom, attempts=1)
    run = start_run(Clerk, "x")
    deliver()
    cancel_run(run.id, by=SYSTEM)
    with agents.move_time(3600):
        assert deliver() == 0
    broken.does = None
    assert cursors.release(cursor())
    deliver()
    assert broken.types == ["run.started", "run.started", "run.cancel_requested", "run.cancelled"]
    assert not cursors.release(cursor())


def test_released_past_the_event_that_it_cannot_take(agents: AgentsKit) -> None:
    broken = ear("run.*", does=lambda event: boom(event) if event.sequence == 1 else None, attempts=1)
    run = start_run(Clerk, "x")
    deliver()
    cancel_run(run.id, by=SYSTEM)
    assert cursors.release(cursor(), past=1)
    deliver()
    assert broken.types == ["run.started", "run.cancel_requested", "run.cancelled"]


def test_one_that_kills_its_process_is_parked_too(agents: AgentsKit) -> None:
    """Tries are counted before they are made."""
    everything = ear("run.started", attempts=2)
    start_run(Clerk, "x")
    for attempt in (1, 2):
        taken = cursors.take("ear", 10)
        assert taken is not None
        assert taken.attempt == attempt
        EventCursor.objects.update(due_at=database_now())  # its time is over
    deliver()
    assert everything.heard == []
    assert cursor().parked_at is not None
    assert "died" in cursor().error


def test_a_time_out_of_an_async_handler_is_a_failure(agents: AgentsKit) -> None:
    @on("run.started", name="ear", timeout=0.05)
    async def slow(event: RecordedEvent) -> None:
        await asyncio.sleep(60)

    start_run(Clerk, "x")
    deliver()
    assert "TimeoutError" in cursor().error


def test_a_handler_that_exits_harms_nobody(agents: AgentsKit) -> None:
    def leave(event: RecordedEvent) -> None:
        raise SystemExit

    ear("run.started", does=leave)
    start_run(Clerk, "x")
    deliver()
    assert "SystemExit" in cursor().error


def test_a_database_error_of_a_handler_does_not_break_the_tests_transaction(agents: AgentsKit) -> None:
    def twice(event: RecordedEvent) -> None:
        get_user_model()._default_manager.create(username="ada")
        get_user_model()._default_manager.create(username="ada")

    ear("run.started", does=twice)
    start_run(Clerk, "x")
    deliver()
    assert IntegrityError.__name__ in cursor().error
    assert not get_user_model()._default_manager.filter(username="ada").exists()


def test_what_cannot_be_stored_of_an_error_is_replaced(agents: AgentsKit, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="agents_app")  # xdist cannot report half a surrogate pair

    def odd(event: RecordedEvent) -> None:
        raise ValueError("a\x00b\ud800" + "x" * 5000)

    ear("run.started", does=odd)
    start_run(Clerk, "x")
    deliver()
    assert "a�b�x" in cursor().error
    assert len(cursor().error) == cursors.ERROR_LENGTH


# Who calls.


def test_nobody_else_is_told_while_a_call_lasts_and_a_late_one_writes_nothing(
    agents: AgentsKit, caplog: pytest.LogCaptureFixture
) -> None:
    def meanwhile(event: RecordedEvent) -> None:
        if len(first.heard) == 1:
            assert cursors.take("ear", 10) is None
            with agents.move_time(76):  # the timeout and its margin
                assert deliver() == 1
            assert cursor().sequence == 1

    first = ear("run.started", does=meanwhile)
    start_run(Clerk, "x")
    deliver()
    assert first.numbers == [1, 1]
    assert "took longer than its timeout" in caplog.text
    assert (cursor().sequence, cursor().claim_number) == (1, 2)


def test_events_that_come_while_a_handler_is_busy_are_not_forgotten(agents: AgentsKit) -> None:
    everything = ear("run.*", does=lambda event: event.sequence == 1 and cancel_run(event.run_id, by=SYSTEM))
    start_run(Clerk, "x")
    deliver()
    assert everything.types == ["run.started", "run.cancel_requested", "run.cancelled"]


def test_stopping_leaves_the_rest_for_later(agents: AgentsKit) -> None:
    everything = ear("*")
    agents.scripted_llm(Clerk, "Done.")
    start_run(Clerk, "x")
    drive_due()
    deliver(lambda: len(everything.heard) >= 2)
    assert everything.numbers == [1, 2]
    assert (cursor().sequence, cursor().attempts) == (2, 0)
    deliver()
    assert everything.numbers == [1, 2, 3, 4]


# Since when.


def test_a_new_handler_hears_of_what_comes_from_now_on(agents: AgentsKit) -> None:
    run = start_run(Clerk, "x")
    everything = ear("run.*")
    with agents.move_time(1):
        cancel_run(run.id, by=SYSTEM)
        deliver()
    assert everything.types == ["run.cancel_requested", "run.cancelled"]
    with agents.move_time(2):
        assert deliver() == 0
    assert EventHandler.objects.get().since is not None


def test_with_replay_it_hears_of_everything(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cursors, "PORTION", 2)
    monkeypatch.setattr(cursors, "PORTIONS", 1)
    runs = [start_run(Clerk, "x") for _ in range(3)]
    start_run(Other, "x")
    everything = ear("run.started", agent=Clerk, replay=True)
    assert deliver() == 0
    for _ in range(4):
        cursors.look_back()
    deliver()
    assert [event.run_id for event in everything.heard] == [run.id for run in runs]
    assert EventHandler.objects.get().look_at is None
    cursors.look_back()
    assert deliver() == 0


def test_events_written_by_a_release_that_did_not_know_it(agents: AgentsKit) -> None:
    everything = ear("run.started", "run.cancelled")
    cursors.register(["ear"], database_now())
    with no_handlers(), agents.move_time(1):  # the release before
        run = start_run(Clerk, "x")
        other = start_run(Clerk, "y")
    cursors.look_back()
    with agents.move_time(2):
        cancel_run(other.id, by=SYSTEM)
        deliver()
    assert [(event.run_id, event.sequence) for event in everything.heard] == [(other.id, 1), (other.id, 3)]
    with agents.move_time(cursors.UNAWARE_SECONDS + 1):
        cursors.look_back()
        deliver()
    assert [event.run_id for event in everything.heard] == [other.id, other.id, run.id]


def test_what_a_handler_no_longer_wants_is_left_behind(agents: AgentsKit) -> None:
    ear("run.*")
    run = start_run(Clerk, "x")
    with no_handlers():
        changed = ear("run.cancelled")
        assert deliver() == 1
        assert (changed.heard, cursor().sequence) == ([], 1)
        cancel_run(run.id, by=SYSTEM)
        deliver()
        assert changed.types == ["run.cancelled"]
    with no_handlers():
        elsewhere: Ear = ear("run.*", agent=Other)
        EventCursor.objects.update(wanted=9)
        deliver()
        assert elsewhere.heard == []
        assert not EventCursor.objects.due().exists()


def test_a_handler_that_this_process_does_not_know_is_left_alone(agents: AgentsKit) -> None:
    with no_handlers():
        ear("run.*")
        start_run(Clerk, "x")
    ear("run.*", name="other")
    assert deliver() == 0
    assert EventCursor.objects.due().get().handler == "ear"


def test_the_office_is_not_disturbed(agents: AgentsKit) -> None:
    """A handler that fails changes nothing about its run."""
    ear("*", does=boom)
    agents.scripted_llm(Clerk, calls("send", text="x"), "Done.")
    run = start_run(Clerk, "x")
    with agents.move_time(0):
        run_until_idle()
    agents.assert_completed(run, "Done.")
    assert office.names() == ["send"]
    assert timedelta(0) < cursor().due_at - database_now()
