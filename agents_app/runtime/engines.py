"""Where the synchronous parts run: database work and sync tools.

Threaded (workers): database jobs in a few threads, each call of a sync tool in one of its own that can be abandoned
(so many at a time), everything awaited on one event loop that lives as long as the process.
Inline (SQLite in memory, and inside `TestCase`): all of it on the caller's thread and connection, because no other
sees its data.
"""

import asyncio
import contextlib
import logging
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from contextvars import copy_context
from itertools import islice
from multiprocessing import parent_process
from traceback import walk_stack
from types import FrameType
from typing import Any, Protocol, TypeVar

from asgiref.sync import async_to_sync, sync_to_async
from django.db import connections

from agents_app.conf import conf
from agents_app.runtime.database_threads import DatabaseThreads
from agents_app.runtime.shutdown import replaced

logger = logging.getLogger("agents_app.runtime")
T = TypeVar("T")

MOST_FRAMES = 25
"""What is told of where a thread hangs."""


class Abandoned(Exception):
    """A sync tool did not return in time; its thread was left alone."""


class Engine(Protocol):
    """How a driving coroutine reaches synchronous code."""

    inline: bool

    async def database(self, function: Callable[..., T], *args: Any) -> T:
        """Run a database job. Raises Hung if it does not come to an end."""
        ...

    def room(self) -> AbstractAsyncContextManager[Any]:
        """Wait for room to call a sync tool, and keep it: each call may cost a thread and a connection."""
        ...

    async def call(self, function: Callable[[], T], seconds: float, on_timeout: Callable[[], None]) -> T:
        """Run a sync tool for at most `seconds`, then call `on_timeout` and raise Abandoned."""
        ...

    def run(self, work: Callable[["Engine"], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine to its end from synchronous code."""
        ...


class InlineEngine:
    """Everything on the caller's thread. A sync tool cannot be timed out here."""

    inline = True

    async def database(self, function: Callable[..., T], *args: Any) -> T:
        return await sync_to_async(function, thread_sensitive=True)(*args)

    def room(self) -> AbstractAsyncContextManager[Any]:
        return contextlib.nullcontext()

    async def call(self, function: Callable[[], T], seconds: float, on_timeout: Callable[[], None]) -> T:
        return await sync_to_async(function, thread_sensitive=True)()

    def run(self, work: Callable[[Engine], Coroutine[Any, Any, T]]) -> T:
        async def working() -> T:
            return await work(self)

        return async_to_sync(working)()


class ThreadedEngine:
    """One event loop and a few database threads per process, made after the fork and kept."""

    inline = False

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._abandoned: list[threading.Thread] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="agents-loop", daemon=True)
        self._thread.start()
        self._database = DatabaseThreads(self._loop)
        self._room = asyncio.Semaphore(conf.TOOL_THREADS)

    async def database(self, function: Callable[..., T], *args: Any) -> T:
        done: T = await self._database.do(function, args)
        return done

    def room(self) -> AbstractAsyncContextManager[Any]:
        return self._room

    async def call(self, function: Callable[[], T], seconds: float, on_timeout: Callable[[], None]) -> T:
        future: Future[T] = Future()
        thread = threading.Thread(
            target=copy_context().run, args=(_fulfil, future, function), name="agents-tool", daemon=True
        )
        thread.start()
        ending = asyncio.wrap_future(future)
        try:
            done, _ = await asyncio.wait([ending], timeout=seconds)
        except asyncio.CancelledError:
            self._abandon(thread, on_timeout)
            raise
        if not done:
            self._abandon(thread, on_timeout)
            raise Abandoned
        return ending.result()

    def _abandon(self, thread: threading.Thread, on_timeout: Callable[[], None]) -> None:
        self._abandoned.append(thread)
        on_timeout()

    def hanging(self) -> int:
        """How many abandoned tools, and rules of the author's, have still not returned."""
        return len(self.left_behind())

    def left_behind(self) -> list[threading.Thread]:
        """Their threads."""
        self._abandoned = [thread for thread in self._abandoned if thread.is_alive()]
        return [*self._abandoned, *self._database.left_behind()]

    def run(self, work: Callable[[Engine], Coroutine[Any, Any, T]]) -> T:
        return asyncio.run_coroutine_threadsafe(work(self), self._loop).result()

    def close(self) -> None:
        """End loop and threads and close their connections (tests, and the end of a process)."""
        self._database.close()
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        self._database.end_watch()
        await self._loop.shutdown_asyncgens()


def _fulfil(future: "Future[T]", function: Callable[[], T]) -> None:
    try:
        future.set_result(function())
    except (StopIteration, SystemExit, KeyboardInterrupt, GeneratorExit) as error:
        # A tool that exits must end neither the loop nor the worker, and no future can hold a StopIteration.
        replaced = RuntimeError(f"The tool raised {type(error).__name__}.")
        replaced.__cause__ = error  # so that the log says where
        future.set_exception(replaced)
    except BaseException as error:
        future.set_exception(error)
    finally:
        connections.close_all()


_lock = threading.Lock()
_engine: ThreadedEngine | None = None


def engine() -> Engine:
    """The engine for the calling thread."""
    connection = connections[conf.DATABASE]
    in_memory = connection.vendor == "sqlite" and connection.is_in_memory_db()  # type: ignore[attr-defined]  # SQLite's
    if in_memory or connection.in_atomic_block:
        return InlineEngine()
    return threaded_engine()


def threaded_engine() -> ThreadedEngine:
    """This process's engine; a forked child makes its own."""
    global _engine
    with _lock:
        if _engine is None or _engine.pid != os.getpid():
            _engine = ThreadedEngine()
        return _engine


def close_engine() -> None:
    """End this process's engine, if it has one."""
    global _engine
    with _lock:
        if _engine is not None and _engine.pid == os.getpid():
            _engine.close()
        _engine = None


def worn_out() -> bool:
    """Whether so many threads hang in this worker, in tools or in rules of the author's, that it should be replaced.

    Never so in a process that nobody would replace: there hanging threads are the lesser evil.
    """
    if _engine is None or _engine.pid != os.getpid():
        return False
    if parent_process() is None and not replaced.is_set():
        return False
    return _engine.hanging() >= conf.ABANDONED_THREADS


def be_replaced() -> None:
    """End this worker process, whose supervisor starts another. Its task is delivered again, which is harmless."""
    threads = _engine.left_behind() if _engine is not None else []
    text = "%s threads hang in this worker, in tools or rules: it ends, to be replaced. They are at:\n%s"
    logger.error(text, len(threads), places(threads))
    os._exit(1)


def places(threads: Iterable[threading.Thread]) -> str:
    """Where these threads are, a line for each place: what it is in, and who called that."""
    frames = sys._current_frames()
    found = Counter(_place(frames[thread.ident]) for thread in threads if thread.ident in frames)
    return "\n".join(f"  {count} × {place}" for place, count in found.most_common())


def _place(frame: FrameType) -> str:
    steps = islice(walk_stack(frame), MOST_FRAMES)
    return " ← ".join(f"{step.f_code.co_filename}:{line} {step.f_code.co_name}" for step, line in steps)
