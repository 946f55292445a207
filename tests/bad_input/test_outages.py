"""The queue is down, the database is locked or away for a moment: a run may be late, but nothing is lost."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.db import OperationalError, connection, connections
from django.test import override_settings

from agents_app.executors import get_executor
from agents_app.models import AgentContext
from agents_app.runtime.drive import continue_run
from agents_app.runtime.recovery import sweep
from agents_app.services import Run, start_run
from agents_app.testing import approve_pending, calls, move_time, run_until_idle
from agents_app.testing.executor import WAITING
from agents_app.testing.kit import AgentsKit
from agents_app.transitions import claims
from tests import office
from tests.office import Clerk
from tests.scenarios.checks import assert_sound
from tests.scenarios.meanwhile import elsewhere
from tests.stopped import stopped_clock

Started = Callable[..., Run[str]]


class BrokenExecutor:
    """A queue that is down."""

    delays = False
    asked: list[UUID] = []

    def submit(self, run_id: UUID, run_at: datetime | None = None) -> None:
        self.asked.append(run_id)
        raise ConnectionError("The broker is down.")


class HearingExecutor:
    """A queue that hears, and that the test works off."""

    delays = False
    heard: list[UUID] = []

    def submit(self, run_id: UUID, run_at: datetime | None = None) -> None:
        self.heard.append(run_id)


def with_executor(executor: type) -> Any:
    executor.__dict__.get("asked", executor.__dict__.get("heard")).clear()  # type: ignore[union-attr]
    return override_settings(AGENTS_APP={**settings.AGENTS_APP, "EXECUTOR": f"{__name__}.{executor.__name__}"})


def test_a_broken_queue_loses_no_run_and_hurts_no_caller(agents: AgentsKit, dora: Any) -> None:
    agents.scripted_llm(Clerk, calls("pay", to="Ann", amount=120), "Done.")
    with with_executor(BrokenExecutor):
        run = start_run(Clerk, "go")
        assert BrokenExecutor.asked == [run.id]
        sweep()  # still down: no error, and nothing is believed to be sent
        assert AgentContext.objects.get(pk=run.id).hinted_at is None
    with with_executor(HearingExecutor):
        found = sweep()
        assert (found.due, found.hinted) == (1, (run.id,))
        assert HearingExecutor.heard == [run.id]
        run_until_idle()
    with with_executor(BrokenExecutor):
        approve_pending(run, by=dora)
        assert BrokenExecutor.asked == [run.id]
    assert sweep().hinted == (run.id,)
    run_until_idle()
    assert run.again().status == "completed"


def test_the_sweep_hints_again_with_growing_pauses(agents: AgentsKit) -> None:
    run = start_run(Clerk, "go")
    with with_executor(HearingExecutor), stopped_clock():
        for seconds, expected in ((0, 1), (4, 1), (6, 2), (12, 2), (17, 3)):
            with move_time(seconds):
                sweep()
            assert len(HearingExecutor.heard) == expected, f"after {seconds} s"
        assert set(HearingExecutor.heard) == {run.id}
    assert get_executor().delays is False


@pytest.fixture
def lock_held() -> Iterator[Callable[[float], None]]:
    """Another program holds SQLite's write lock for some seconds from now."""
    threads: list[threading.Thread] = []

    def hold(seconds: float) -> None:
        held = threading.Event()

        def holding() -> None:
            other = sqlite3.connect(str(connection.settings_dict["NAME"]), timeout=20, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            held.set()
            time.sleep(seconds)
            other.execute("ROLLBACK")
            other.close()

        threads.append(threading.Thread(target=holding))
        threads[-1].start()
        held.wait(20)

    yield hold
    for thread in threads:
        thread.join()


@pytest.mark.sqlite_only
@pytest.mark.parametrize("name", ["look", "send", "book", "write"])
def test_a_locked_database_delays_a_run_but_loses_nothing(started: Started, lock_held: Any, name: str) -> None:
    def lock_out(context: Any, value: str) -> str:
        if name != "write":  # an atomic tool holds the lock itself
            lock_held(1.5)
        return "done"

    def while_thinking(request: Any) -> Any:
        lock_held(1.5)
        return calls(name, **{"number" if name == "look" else "text": "a"})

    office.behaviour[name] = lock_out
    run = started(while_thinking, "Done.")
    assert run.output == "Done."
    assert office.names() == [name]
    assert_sound(run)


@pytest.mark.sqlite_only
def test_a_database_locked_for_longer_than_the_busy_timeout(started: Started, lock_held: Any) -> None:
    """The connection gives up waiting; what the tool did is recorded all the same."""

    def lock_out(context: Any, value: str) -> str:
        lock_held(2.5)
        return "sent"

    office.behaviour["send"] = lock_out
    options = connections.settings["default"]["OPTIONS"]
    before, options["timeout"] = options["timeout"], 0.3
    try:
        run = started(calls("send", text="a"), "Done.")
    finally:
        options["timeout"] = before
    assert (office.call_of(run).status, office.call_of(run).result) == ("succeeded", "sent")
    assert office.names() == ["send"]


@pytest.fixture
def end_connections(cut_connections: Callable[..., int]) -> Callable[[], int]:
    """The test's own connection is spared."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        mine = cursor.fetchone()[0]
    return lambda: elsewhere(cut_connections, mine)


@pytest.mark.postgresql_only
@pytest.mark.parametrize("name", ["look", "send", "book"])
def test_connections_that_end_during_a_call(started: Started, end_connections: Any, name: str) -> None:
    def cut(context: Any, value: str) -> str:
        end_connections()
        return "done"

    office.behaviour[name] = cut
    run = started(calls(name, **{"number" if name == "look" else "text": "a"}), "Done.")
    call = office.call_of(run)
    assert (call.status, call.attempt) == ("succeeded", 1)
    assert run.again().output == "Done."
    assert office.names() == [name]
    assert_sound(run)


@pytest.mark.postgresql_only
def test_a_connection_that_ends_during_an_atomic_call_leaves_nothing_and_is_repeated(
    started: Started, end_connections: Any
) -> None:
    def cut(context: Any, value: str) -> str:
        office.person(f"{value}-{context.attempt}")
        if context.attempt == 1:
            end_connections()
        return "written"

    office.behaviour["write"] = cut
    run = started(calls("write", text="nora"), "Done.")
    call = office.call_of(run)
    assert (call.status, call.attempt) == ("succeeded", 2)
    assert _names() == {"nora-2"}
    assert run.again().output == "Done."
    assert_sound(run)


@pytest.mark.postgresql_only
def test_connections_that_end_while_the_llm_thinks(started: Started, end_connections: Any) -> None:
    def cut(request: Any) -> str:
        end_connections()
        return "Done."

    run = started(cut)
    assert run.output == "Done."
    assert_sound(run)


@pytest.mark.postgresql_only
def test_a_worker_that_looks_for_more_runs_survives_it(
    agents: AgentsKit, end_connections: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking for other due runs fails meanwhile; the call that is under way is not given up for it."""
    broken: list[int] = []

    def look(*args: Any, **kwargs: Any) -> Any:
        broken.append(1)
        raise OperationalError("The database is away.")

    def cut(context: Any, value: Any) -> str:
        monkeypatch.setattr(claims, "claim_due", look)
        while not broken:
            time.sleep(0.05)
        end_connections()
        return "sent"

    office.behaviour["send"] = cut
    agents.scripted_llm(Clerk, calls("send", text="a"), "Done.")
    run = start_run(Clerk, "go")
    with override_settings(AGENTS_APP={**settings.AGENTS_APP, "POLL_SECONDS": 0.1, "EXECUTOR": WAITING}):
        continue_run(str(run.id))
    assert broken
    assert run.again().output == "Done."
    assert office.call_of(run).attempt == 1


def _names() -> set[str]:
    from django.contrib.auth import get_user_model

    return set(get_user_model().objects.values_list("username", flat=True))


def test_a_queue_that_does_not_exist_loses_no_run(agents: AgentsKit) -> None:
    with override_settings(AGENTS_APP={**settings.AGENTS_APP, "EXECUTOR": "nobody.knows.It"}):
        run = start_run(Clerk, "go")
    assert sweep().hinted == (run.id,)
