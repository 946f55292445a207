"""Synchronous database code, called from live event loops."""

import asyncio
import contextvars
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import close_old_connections

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """A few threads of this process for one purpose; connections are kept as CONN_MAX_AGE says.

    Not asgiref's one thread for everybody: a slow query of one socket would hold up all others.
    """

    def __init__(self, name: str, count: int) -> None:
        self._name = name
        self._count = count
        self._executors: dict[int, ThreadPoolExecutor] = {}

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `function` returns. If the wait is cancelled the thread goes on, and what it returns is dropped."""

        def call() -> T:
            close_old_connections()
            try:
                return function(*args, **kwargs)
            finally:
                close_old_connections()

        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(self._executor(), context.run, call)

    def _executor(self) -> ThreadPoolExecutor:
        # By process: threads do not survive a fork.
        if os.getpid() not in self._executors:
            self._executors[os.getpid()] = ThreadPoolExecutor(self._count, thread_name_prefix=self._name)
        return self._executors[os.getpid()]


in_database = Threads("agents_app.live.read", 4).call
"""For short reads alone: many wait for these threads."""
