"""The sweep, again and again, in a process of its own."""

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from django.db import InterfaceError, OperationalError, connections

from agents_app.runtime import recovery

logger = logging.getLogger("agents_app.recovery")

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Clock:
    """every: seconds between two passes. act: one of them; the sweep of runs. A database that is away is waited for."""

    def __init__(self, every: float, act: Callable[[], object] | None = None) -> None:
        self._every = every
        self._act = act or recovery.sweep
        self._over = threading.Event()
        self._away = False

    def run(self) -> None:
        """Until SIGTERM, SIGINT or SIGHUP."""
        with self._signals():
            while not self._over.is_set():
                self._pass()
                self._over.wait(self._every)

    def _pass(self) -> None:
        try:
            self._act()
        except (OperationalError, InterfaceError) as error:
            if not self._away:
                logger.warning("The database does not answer: %s", " ".join(str(error).split()))
            self._away = True
            connections.close_all()
        else:
            self._away = False

    @contextmanager
    def _signals(self) -> Iterator[None]:
        before = {kind: signal.signal(kind, self._end) for kind in SIGNALS}
        try:
            yield
        finally:
            for kind, handler in before.items():
                signal.signal(kind, handler)

    def _end(self, number: int, frame: FrameType | None) -> None:
        self._over.set()
