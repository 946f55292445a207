"""The few threads that do a process's database work, and what keeps one that hangs from costing the worker.

Hooks of the author's (policies, preconditions, instructions) run in them. A job that does not come to an end in time is
given up: its thread is left behind and counted, and another takes its place.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from queue import Empty, SimpleQueue
from typing import Any

from django.db import close_old_connections, connections

from agents_app.conf import conf

logger = logging.getLogger("agents_app.runtime")

IDLE_SECONDS = 1.0
"""After so long without work a thread lets go of connections that are past their CONN_MAX_AGE; not between two jobs
that follow each other, because connecting costs more than most jobs."""

WATCH_SECONDS = 0.5
"""Between two looks for jobs that hang, while there are jobs at all."""


class Hung(Exception):
    """Database work did not come to an end in time; its thread was left behind."""


class Job:
    """One piece of work, whose outcome comes to `done` on the event loop."""

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...], loop: asyncio.AbstractEventLoop) -> None:
        self.done: asyncio.Future[Any] = loop.create_future()
        self._over = False
        self._ended: asyncio.Future[None] | None = None
        self._work = (function, args)
        self._facts = copy_context()  # so that records of the log say which run they are about
        self._loop = loop

    def __repr__(self) -> str:
        return getattr(self._work[0], "__name__", repr(self._work[0]))

    def do(self) -> None:
        """In a thread: never raises."""
        function, args = self._work
        result, error = None, None
        try:
            result = self._facts.run(function, *args)
        except BaseException as raised:
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop has ended, and with it whoever asked
            self._loop.call_soon_threadsafe(self.settle, result, error)

    def settle(self, result: Any, error: BaseException | None) -> None:
        """On the loop. Too late is no error: somebody was told that it hangs, or has gone away."""
        self._over = True
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)
        if self.done.done():
            return
        if error is None:
            self.done.set_result(result)
        elif isinstance(error, StopIteration):  # which no future can hold
            self.done.set_exception(RuntimeError(f"{self!r} raised {error!r}."))
        else:
            self.done.set_exception(error)

    async def end(self) -> None:
        """On the loop, when whoever waited for `done` was cancelled: wait until it has come to an end all the same."""
        if not self._over:
            self._ended = self._loop.create_future()
            await asyncio.wait([self._ended])
        if not self.done.cancelled():
            self.done.exception()  # has been seen


class DatabaseThread(threading.Thread):
    """Does one job after the other until it is given None, or left behind."""

    def __init__(self, jobs: "SimpleQueue[Job | None]", number: int) -> None:
        super().__init__(name=f"agents-db_{number}", daemon=True)
        self._jobs = jobs
        self._job: Job | None = None
        self._since = 0.0
        self.left_behind = False

    def run(self) -> None:
        try:
            while not self.left_behind and (job := self._next()) is not None:
                self._since, self._job = time.monotonic(), job
                job.do()
                self._job = None
        finally:
            connections.close_all()

    def hanging(self, seconds: float) -> Job | None:
        """The job that it has been at for so long; None if there is none."""
        job = self._job
        return job if job is not None and time.monotonic() - self._since >= seconds else None

    def _next(self) -> Job | None:
        try:
            job = self._jobs.get(timeout=IDLE_SECONDS)
        except Empty:
            close_old_connections()
            job = self._jobs.get()
            close_old_connections()
            return job
        if any(connection.errors_occurred for connection in connections.all(initialized_only=True)):
            close_old_connections()
        return job


class DatabaseThreads:
    """As many as DATABASE_THREADS says, for jobs from one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._made = 0
        self._open = 0
        self._watching: asyncio.TimerHandle | None = None
        self._left_behind: list[DatabaseThread] = []
        self._threads = [self._thread() for _ in range(conf.DATABASE_THREADS)]

    async def do(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """Have it done. Raises what it raised, and Hung after DATABASE_SECONDS of its own time."""
        job = Job(function, args, self._loop)
        self._open += 1
        if self._watching is None:
            self._watching = self._loop.call_later(WATCH_SECONDS, self._watch)
        self._jobs.put(job)
        try:
            return await job.done
        except asyncio.CancelledError:
            # A transaction cannot be cancelled: whoever cleans up must find it committed or rolled back.
            await job.end()
            raise
        finally:
            self._open -= 1

    def hanging(self) -> int:
        """How many threads that were left behind have still not come to an end."""
        return len(self.left_behind())

    def left_behind(self) -> list[DatabaseThread]:
        """Those threads."""
        self._left_behind = [thread for thread in self._left_behind if thread.is_alive()]
        return self._left_behind

    def close(self) -> None:
        """Let the threads end when what was asked of them is done; they close their connections."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def end_watch(self) -> None:
        """On the loop, before it ends."""
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None

    def _thread(self) -> DatabaseThread:
        self._made += 1
        thread = DatabaseThread(self._jobs, self._made)
        thread.start()
        return thread

    def _watch(self) -> None:
        for place, thread in enumerate(self._threads):
            job = thread.hanging(conf.DATABASE_SECONDS)
            if job is not None:
                self._leave_behind(place, thread, job)
        again = self._open > 0
        self._watching = self._loop.call_later(WATCH_SECONDS, self._watch) if again else None

    def _leave_behind(self, place: int, thread: DatabaseThread, job: Job) -> None:
        thread.left_behind = True
        self._left_behind.append(thread)
        self._threads[place] = self._thread()
        text = f"{job!r} did not come to an end within {conf.DATABASE_SECONDS:g} s (a rule of yours that hangs?)"
        logger.error("%s; its thread is left behind, the %s. of this process.", text, self.hanging())
        job.settle(None, Hung(text))
