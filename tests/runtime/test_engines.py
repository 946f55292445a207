"""Where the synchronous parts run."""

import asyncio
import contextlib
import threading
import time

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import override_settings

from agents_app.runtime import engines
from agents_app.runtime.engines import Abandoned, InlineEngine, ThreadedEngine, engine


@pytest.fixture
def threaded(workers: None) -> ThreadedEngine:
    found = engine()
    assert isinstance(found, ThreadedEngine)
    return found


@pytest.mark.django_db
def test_inside_a_test_case_all_of_it_is_on_the_callers_thread() -> None:
    on = engine()
    assert isinstance(on, InlineEngine)
    seen: list[object] = []

    async def work(_: object) -> str:
        seen.append(await on.database(threading.get_ident))
        seen.append(await on.call(threading.get_ident, 1, lambda: None))
        seen.append(await on.database(lambda: connection.in_atomic_block))
        return "done"

    assert on.run(work) == "done"
    assert seen == [threading.get_ident(), threading.get_ident(), True]


def test_a_transaction_of_the_callers_is_driven_inline(workers: None) -> None:
    with transaction.atomic():
        assert engine().inline
    assert not engine().inline


def test_tools_have_threads_of_their_own_and_the_database_a_few(threaded: ThreadedEngine) -> None:
    async def work(on: object) -> list[str]:
        jobs = [threaded.database(lambda: threading.current_thread().name) for _ in range(20)]
        tools = [threaded.call(lambda: threading.current_thread().name, 5, lambda: None) for _ in range(3)]
        return list(await asyncio.gather(*jobs, *tools))

    names = threaded.run(work)
    assert {name.partition("_")[0] for name in names[:20]} == {"agents-db"}
    assert len(set(names[:20])) <= 2
    assert names[20:] == ["agents-tool"] * 3
    assert engine() is threaded


def test_a_call_that_hangs_is_abandoned_and_counted(threaded: ThreadedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    leave, cut = threading.Event(), []

    async def work(on: object) -> None:
        await threaded.call(lambda: leave.wait(30), 0.05, lambda: cut.append(1))

    with override_settings(AGENTS_APP={**settings.AGENTS_APP, "ABANDONED_THREADS": 1}):
        with pytest.raises(Abandoned):
            threaded.run(work)
        assert (cut, threaded.hanging()) == ([1], 1)
        assert not engines.worn_out()  # nobody would replace this process
        monkeypatch.setattr(engines, "parent_process", lambda: object())
        assert engines.worn_out()
        leave.set()
        until = time.monotonic() + 30
        while engines.worn_out():
            assert time.monotonic() < until
            time.sleep(0.01)


def test_who_is_replaced_says_where_its_threads_hang(
    threaded: ThreadedEngine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    leave = threading.Event()

    def ask_the_erp() -> None:
        leave.wait(30)

    async def work(on: object) -> None:
        for _ in range(2):
            with contextlib.suppress(Abandoned):
                await threaded.call(ask_the_erp, 0.05, lambda: None)

    left: list[int] = []
    monkeypatch.setattr(engines.os, "_exit", left.append)
    threaded.run(work)
    engines.be_replaced()
    leave.set()
    (record,) = [record for record in caplog.records if record.name == "agents_app.runtime"]
    assert record.getMessage().startswith("2 threads hang in this worker")
    (place,) = [line for line in record.getMessage().splitlines() if "×" in line]
    assert place.startswith("  2 × ")
    assert f"{__file__}:{ask_the_erp.__code__.co_firstlineno + 1} ask_the_erp" in place
    assert left == [1]


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(1), KeyboardInterrupt()])
def test_whatever_a_call_raises_the_loop_lives_on(
    threaded: ThreadedEngine, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks() -> None:
        raise error

    async def work(on: object) -> str:
        try:
            await threaded.call(breaks, 5, lambda: None)
        except Exception as caught:
            return type(caught).__name__
        return "nothing"

    async def alive(on: object) -> str:
        return "alive"

    assert threaded.run(work) in ("ValueError", "RuntimeError")
    assert threaded.run(alive) == "alive"
    assert "never retrieved" not in caplog.text


def test_a_forked_child_makes_its_own(threaded: ThreadedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    threaded.pid += 1
    again = engine()
    assert again is not threaded
    threaded.pid -= 1
    threaded.close()


def test_a_closed_engine_is_replaced(threaded: ThreadedEngine) -> None:
    engines.close_engine()
    engines.close_engine()
    assert engine() is not threaded
