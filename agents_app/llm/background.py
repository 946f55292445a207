"""One event loop in the background, for synchronous code that asks a server: connections stay open between calls."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

GRACE_SECONDS = 5.0
"""After its own time limit a call that still hangs is left behind."""


class BackgroundLoop:
    """An event loop in a thread of its own, which ends with the process."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._runner = threading.Thread(target=self._loop.run_forever, name="agents-embedders", daemon=True)
        self._runner.start()

    def run(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        """What comes of the coroutine. Raises TimeoutError if nothing does in time."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(seconds + GRACE_SECONDS)
        except TimeoutError:
            future.cancel()
            raise

    def close(self) -> None:
        """End the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._runner.join(GRACE_SECONDS)
        if not self._runner.is_alive():
            self._loop.close()


_lock = threading.Lock()
_kept: BackgroundLoop | None = None


def background_loop() -> BackgroundLoop:
    """This process's loop; a forked child makes its own."""
    global _kept
    with _lock:
        if _kept is None or _kept.pid != os.getpid():
            _kept = BackgroundLoop()
        return _kept


def close_background_loop() -> None:
    """End this process's loop, if it has one."""
    global _kept
    with _lock:
        if _kept is not None and _kept.pid == os.getpid():
            _kept.close()
        _kept = None
