"""The few threads of database work, and one that hangs."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import override_settings

from agents_app.core.status import RunStatus
from agents_app.models import AgentContext
from agents_app.runtime import database_threads
from agents_app.runtime.database_threads import Hung
from agents_app.runtime.drive import continue_run
from agents_app.runtime.engines import ThreadedEngine, close_engine, engine
from agents_app.runtime.heartbeat import heartbeat
from agents_app.services import start_run
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.office import Clerk

pytestmark = pytest.mark.usefixtures("workers")
WAITING = "agents_app.testing.executor.WaitingExecutor"


def settings_with(**given: Any) -> override_settings:
    return override_settings(AGENTS_APP={**settings.AGENTS_APP, "EXECUTOR": WAITING, **given})


def threaded() -> ThreadedEngine:
    found = engine()
    assert isinstance(found, ThreadedEngine)
    return found


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def test_a_job_that_hangs_costs_its_thread_and_not_the_worker() -> None:
    leave = threading.Event()
    with settings_with(DATABASE_THREADS=2, DATABASE_SECONDS=1):
        on = threaded()

        async def work(_: object) -> list[Any]:
            hang = [asyncio.create_task(on.database(leave.wait, 60)) for _ in range(2)]
            return await asyncio.gather(*hang, return_exceptions=True)

        async def more(_: object) -> list[Any]:
            return await asyncio.gather(*[on.database(lambda: "done") for _ in range(6)])

        said = on.run(work)
        with settings_with(DATABASE_THREADS=2, DATABASE_SECONDS=60):
            said += on.run(more)
        assert [type(one) for one in said[:2]] == [Hung, Hung]
        assert said[2:] == ["done"] * 6
        assert on.hanging() == 2
        leave.set()
        until(lambda: on.hanging() == 0)


def test_waiting_for_a_thread_is_not_hanging() -> None:
    with settings_with(DATABASE_THREADS=1, DATABASE_SECONDS=5):
        on = threaded()

        async def work(_: object) -> list[Any]:
            return await asyncio.gather(*[on.database(time.sleep, 1) for _ in range(8)])

        assert on.run(work) == [None] * 8
        assert on.hanging() == 0


def test_who_is_cancelled_waits_until_its_job_is_done() -> None:
    on, begun, leave, ended = threaded(), threading.Event(), threading.Event(), []

    def job() -> None:
        begun.set()
        leave.wait(30)
        ended.append(1)

    async def work(_: object) -> None:
        task = asyncio.create_task(on.database(job))
        await asyncio.to_thread(begun.wait, 30)
        task.cancel()
        await asyncio.sleep(0.05)
        assert not task.done()
        leave.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    on.run(work)
    assert ended == [1]


@pytest.mark.parametrize("fails", [False, True])
def test_who_is_cancelled_at_the_moment_when_its_job_ends_does_not_wait_for_ever(fails: bool) -> None:
    on = threaded()

    async def work(_: object) -> None:
        ended = threading.Event()

        def job() -> None:
            ended.set()
            if fails:
                raise KeyError

        task = asyncio.create_task(on.database(job))
        await asyncio.sleep(0)  # it has been asked for
        assert ended.wait(30)
        time.sleep(0.2)  # noqa: ASYNC251  the loop is busy: word of the end has come, and nobody has heard it
        task.cancel()
        async with asyncio.timeout(30):
            with pytest.raises(asyncio.CancelledError):
                await task

    on.run(work)


def test_a_thread_keeps_its_connection_between_jobs_and_lets_go_of_it_when_idle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever CONN_MAX_AGE is: connecting for each job costs more than the job."""
    monkeypatch.setattr(database_threads, "IDLE_SECONDS", 600.0)
    with settings_with(DATABASE_THREADS=1):
        on = threaded()

        def connected() -> Any:
            connection.ensure_connection()
            return connection.connection

        async def work(_: object) -> list[Any]:
            return [await on.database(connected) for _ in range(5)]

        first = on.run(work)
        assert len(set(map(id, first))) == 1
        monkeypatch.setattr(database_threads, "IDLE_SECONDS", 0.4)  # from the next job on
        until = time.monotonic() + 60
        while on.run(work)[0] is first[0]:
            assert time.monotonic() < until
            time.sleep(1.5)


def test_no_watch_is_kept_without_work() -> None:
    on = threaded()

    async def work(_: object) -> None:
        await on.database(time.sleep, 0)

    on.run(work)
    until(lambda: on._database._watching is None)


def test_a_run_whose_rule_hangs_is_given_up_and_the_others_go_on(agents: AgentsKit) -> None:
    """Its thread writes nothing when it comes back: the lease may be another's by then."""
    leave, asked = threading.Event(), []

    def rule(*_: Any) -> bool:
        asked.append(1)
        return leave.wait(60) if len(asked) == 1 else False

    office.behaviour["pay.needs_approval"] = rule
    agents.scripted_llm(Clerk, calls("pay", to="Ada", amount="1"), "Done.")
    with settings_with(DATABASE_THREADS=1, DATABASE_SECONDS=6):
        runs = [start_run(Clerk, "x") for _ in range(4)]
        continue_run(str(runs[0].id))
        lost = [run for run in runs if run.again().status is not RunStatus.COMPLETED]
        assert len(lost) == 1
        version = lost[0].again().version
        leave.set()
        until(lambda: threaded().hanging() == 0)
        context = AgentContext.objects.get(pk=lost[0].id)
        assert (context.version, context.claims_without_progress) == (version, 1)
        with agents.move_time(31):
            continue_run(str(lost[0].id))
        assert lost[0].again().status is RunStatus.COMPLETED
        assert office.names() == ["pay"] * 4
    close_engine()
    heartbeat.join()


def test_sync_tools_have_so_many_threads_and_async_ones_need_none(agents: AgentsKit) -> None:
    now, most, lock = [0], [0], threading.Lock()

    def look(*_: Any) -> str:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.05)
        with lock:
            now[0] -= 1
        return "seen"

    office.behaviour["look"] = look
    agents.scripted_llm(Clerk, [calls("look", number=str(number)) for number in range(12)], "Done.")
    with settings_with(TOOL_THREADS=3):
        run = start_run(Clerk, "x")
        continue_run(str(run.id))
    assert run.again().status is RunStatus.COMPLETED
    assert most[0] <= 3
    assert office.names() == ["look"] * 12
