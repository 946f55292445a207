"""Things that belong to one event loop, kept until it is closed."""

import asyncio
import os
import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")


class PerLoop(Generic[T]):
    """A cache with one compartment per process and running event loop.

    An HTTP connection that was opened on one loop fails on another, and is shared with a forked child.
    """

    def __init__(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, T]] = WeakKeyDictionary()

    async def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The thing of this key on the running loop. If it is missing, `make` is called in a thread: it may be slow."""
        things = self._compartment(asyncio.get_running_loop())
        if key not in things:
            made = await asyncio.to_thread(make)
            things.setdefault(key, made)
        return things[key]

    def pop_all(self) -> list[T]:
        """Take out all things of the running loop. Raises RuntimeError where no loop runs."""
        things = self._compartment(asyncio.get_running_loop())
        taken = list(things.values())
        things.clear()
        return taken

    def _compartment(self, loop: asyncio.AbstractEventLoop) -> dict[Hashable, T]:
        if self._process != os.getpid():  # forked: what is here is the parent's, its lock included
            self.__init__()  # type: ignore[misc]
        with self._lock:
            for closed in [known for known in self._loops if known.is_closed()]:
                del self._loops[closed]
            return self._loops.setdefault(loop, {})
