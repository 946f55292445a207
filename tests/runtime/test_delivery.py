"""Event handlers beside real workers: who calls them, on which thread, and what is left when time is over."""

import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any
from unittest.mock import Mock
from uuid import UUID

import pytest
from django.conf import settings
from django.db import OperationalError, connections, transaction
from django.test import override_settings

from agents_app.conf import conf
from agents_app.core.events import RecordedEvent
from agents_app.runtime import delivery, recovery, reminders
from agents_app.runtime.drive import continue_run
from agents_app.runtime.handling import deliver
from agents_app.services import SYSTEM, approve, cancel_run, run_and_wait, start_run
from agents_app.testing import AgentsKit, calls
from agents_app.testing.executor import WaitingExecutor
from agents_app.transitions import cursors
from tests import office
from tests.ears import cursor, ear, no_handlers
from tests.office import Clerk
from tests.stopped import stopped_clock

pytestmark = pytest.mark.usefixtures("workers")
PATIENCE = 60.0


@pytest.fixture(autouse=True)
def _alone(workers: None) -> Any:
    with no_handlers():
        yield


@pytest.fixture
def hints(monkeypatch: pytest.MonkeyPatch) -> list[tuple[UUID, datetime | None]]:
    sent: list[tuple[UUID, datetime | None]] = []
    monkeypatch.setattr(WaitingExecutor, "submit", lambda self, run_id, run_at=None: sent.append((run_id, run_at)))
    return sent


def settings_with(**given: Any) -> override_settings:
    return override_settings(AGENTS_APP={**settings.AGENTS_APP, **given})


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.02)


def test_whoever_drives_a_run_calls_its_handlers(agents: AgentsKit, hints: list[Any]) -> None:
    """Beside the run, on a thread of its own, under no transaction; no message is sent for it."""
    places: list[tuple[str, bool]] = []

    def look(event: RecordedEvent) -> None:
        places.append((threading.current_thread().name, connections[conf.DATABASE].in_atomic_block))

    everything = ear("*", does=look)
    agents.scripted_llm(Clerk, calls("look", number="1"), "Done.")
    run = start_run(Clerk, "x")
    assert [sent for sent, _ in hints] == [run.id]
    continue_run(str(run.id))
    assert everything.numbers == list(range(1, run.again().version + 1))
    assert set(places) == {(delivery.THREAD, False)}
    assert [sent for sent, _ in hints] == [run.id]
    assert not [thread for thread in threading.enumerate() if thread.name == delivery.THREAD]


def test_handlers_hear_while_the_run_still_goes_on(agents: AgentsKit) -> None:
    heard = threading.Event()
    ear("run.started", does=lambda event: heard.set())
    office.behaviour["look"] = lambda *_: heard.wait(30)
    agents.scripted_llm(Clerk, calls("look", number="1"), "Done.")
    run = start_run(Clerk, "x")
    helped = ear("tool_call.started", name="second")
    continue_run(str(run.id))
    assert heard.is_set()
    assert len(helped.heard) == 1


def test_a_commit_elsewhere_sends_a_wake_up_whose_taker_calls_the_handler(agents: AgentsKit, hints: list[Any]) -> None:
    """A cancelled run needs no worker, and still its event must be heard."""
    agents.scripted_llm(Clerk, calls("pay", to="Ada", amount="99"), "Done.")
    run = start_run(Clerk, "x")
    continue_run(str(run.id))
    heard = ear("run.cancelled")
    hints.clear()
    with transaction.atomic():
        cancel_run(run.id, by=SYSTEM)
        assert hints == []
    assert hints == [(run.id, None)]
    assert heard.heard == []
    continue_run(str(run.id))
    assert len(heard.heard) == 1


def test_one_wake_up_is_enough_for_the_run_and_its_handlers(agents: AgentsKit, hints: list[Any]) -> None:
    ear("approval.approved", "run.completed")
    agents.scripted_llm(Clerk, calls("pay", to="Ada", amount="99"), "Done.")
    run = start_run(Clerk, "x")
    continue_run(str(run.id))
    hints.clear()
    request = office.request_of(run)
    approve(request.pk, by=office.decider(), digest=request.digest)
    assert hints == [(run.id, None)]


def test_nothing_happens_where_no_handler_is_declared(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "Helper", None)
    agents.scripted_llm(Clerk, "Done.")
    run = start_run(Clerk, "x")
    continue_run(str(run.id))
    agents.assert_completed(run)
    assert reminders.remind() == ()


def test_run_and_wait_calls_handlers_here(agents: AgentsKit, hints: list[Any]) -> None:
    everything = ear("run.completed")
    agents.scripted_llm(Clerk, "Done.")
    assert run_and_wait(Clerk, "x").output == "Done."
    assert len(everything.heard) == 1


def test_two_workers_never_tell_the_same_at_the_same_time(agents: AgentsKit) -> None:
    inside: dict[UUID, int] = {}
    together: list[int] = []
    lock = threading.Lock()

    def slow(event: RecordedEvent) -> None:
        with lock:
            inside[event.run_id] = inside.get(event.run_id, 0) + 1
            together.append(inside[event.run_id])
        time.sleep(0.01)
        with lock:
            inside[event.run_id] -= 1

    everything = ear("run.*", does=slow)
    runs = [start_run(Clerk, "x") for _ in range(8)]
    for run in runs:
        cancel_run(run.id, by=SYSTEM)
    threads = [office.thread(deliver) for _ in range(4)]
    for thread in threads:
        thread.join(PATIENCE)
    deliver()
    assert set(together) == {1}
    told = [(event.run_id, event.sequence) for event in everything.heard]
    assert sorted(told) == sorted((run.id, number) for run in runs for number in range(1, run.again().version + 1))
    for run in runs:
        assert [number for run_id, number in told if run_id == run.id] == sorted(
            number for run_id, number in told if run_id == run.id
        )


def test_what_a_process_that_died_did_not_tell_is_told_by_the_sweeps_next_wake_up(
    agents: AgentsKit, hints: list[Any]
) -> None:
    everything = ear("run.cancelled", timeout=10)
    run = start_run(Clerk, "x")
    cancel_run(run.id, by=SYSTEM)
    hints.clear()
    assert cursors.take("ear", 25) is not None  # and then it died
    assert (reminders.remind(), reminders.wake_retries(), hints) == ((), True, [])
    with agents.move_time(26):
        recovery.wake()
        assert hints == [(run.id, None)]
        recovery.wake()
        assert hints == [(run.id, None)]
        continue_run(str(run.id))
    assert everything.numbers == [3]


def test_the_sweep_hints_again_and_again_after_doubling_intervals(agents: AgentsKit, hints: list[Any]) -> None:
    ear("run.cancelled")
    run = start_run(Clerk, "x")
    cancel_run(run.id, by=SYSTEM)
    hints.clear()
    times = []
    with stopped_clock():
        for second in range(0, 200, 5):
            with agents.move_time(second):
                before = len(hints)
                if second == 10:
                    assert reminders.remind(dry_run=True) == (run.id,)
                recovery.sweep()
                if len(hints) > before:
                    times.append(second)
    assert times == [5, 10, 20, 40, 80, 160]
    assert {sent for sent, _ in hints} == {run.id}


def test_the_sweep_knows_handlers_of_its_own_code_only(agents: AgentsKit, hints: list[Any]) -> None:
    ear("run.started")
    start_run(Clerk, "x")
    hints.clear()
    with no_handlers(), agents.move_time(60):
        ear("run.started", name="other")
        assert reminders.remind() == ()


def test_a_queue_that_is_down_gets_the_hint_later(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> None:
    ear("run.cancelled")
    run = start_run(Clerk, "x")
    cancel_run(run.id, by=SYSTEM)

    def down(self: Any, run_id: UUID, run_at: datetime | None = None) -> None:
        raise ConnectionError

    with agents.move_time(10):
        with monkeypatch.context() as patched:
            patched.setattr(WaitingExecutor, "submit", down)
            assert reminders.remind() == ()
        assert reminders.remind() == (run.id,)


def test_a_try_that_is_to_be_repeated_is_asked_of_the_queue_for_then(
    agents: AgentsKit, hints: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WaitingExecutor, "delays", True)

    def boom(event: RecordedEvent) -> None:
        raise RuntimeError

    ear("run.started", does=boom)
    run = start_run(Clerk, "x")
    hints.clear()
    deliver()
    assert hints == [(run.id, cursor().due_at)]


def test_when_time_is_over_the_rest_is_for_the_next_task(agents: AgentsKit, hints: list[Any]) -> None:
    everything = ear("run.started")
    runs = [start_run(Clerk, "x") for _ in range(3)]
    for run in runs:
        cancel_run(run.id, by=SYSTEM)
    hints.clear()
    with settings_with(SLICE_SECONDS=0):
        continue_run(str(runs[0].id))
    assert everything.heard == []
    assert hints == [(runs[0].id, None)]
    continue_run(str(runs[0].id))
    assert len(everything.heard) == 3


def test_a_handler_that_hangs_is_left_behind(agents: AgentsKit, caplog: pytest.LogCaptureFixture) -> None:
    leave = threading.Event()
    hanging = ear("run.started", does=lambda event: leave.wait(PATIENCE))
    run = start_run(Clerk, "x")
    cancel_run(run.id, by=SYSTEM)
    with settings_with(SLICE_SECONDS=6, DRAIN_SECONDS=0.2, EXECUTOR="agents_app.testing.executor.WaitingExecutor"):
        continue_run(str(run.id))
    assert "does not return" in caplog.text
    leave.set()
    wait_until(lambda: not [thread for thread in threading.enumerate() if thread.name == delivery.THREAD])
    assert len(hanging.heard) == 1


def test_an_error_while_driving_stops_the_handlers_too() -> None:
    ear("run.started")
    with pytest.raises(KeyboardInterrupt), delivery.delivering():
        raise KeyboardInterrupt
    assert not [thread for thread in threading.enumerate() if thread.name == delivery.THREAD]


def test_a_database_that_is_away_is_no_disaster(
    agents: AgentsKit, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    everything = ear("run.started")
    run = start_run(Clerk, "x")
    cancel_run(run.id, by=SYSTEM)

    for error in (OperationalError(), RuntimeError()):
        with monkeypatch.context() as patched:
            patched.setattr(cursors, "take", Mock(side_effect=error))
            continue_run(str(run.id))
    assert caplog.text.count("the sweep will see to it") == 2
    continue_run(str(run.id))
    assert len(everything.heard) == 1


def test_handlers_with_the_immediate_executor(agents: AgentsKit) -> None:
    """The run has been driven and its handlers called when `start_run` returns; what they start is driven elsewhere."""
    started: list[Any] = []

    def again(event: RecordedEvent) -> None:
        if not started:
            started.append(start_run(Clerk, "y"))

    ends = ear("run.completed", does=again)
    agents.scripted_llm(Clerk, "Done.")
    with settings_with(EXECUTOR="immediate"):
        start_run(Clerk, "x")
        assert len(ends.heard) >= 1
        wait_until(lambda: len(ends.heard) == 2)
        wait_until(lambda: not [each for each in threading.enumerate() if each.name == "agents-immediate"])
    assert started[0].again().ended
