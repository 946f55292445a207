"""Event handlers beside the work on runs: in a thread of their own, as long as a queue's task lasts.

A wake-up of the queue is for a run: whoever gets one drives the run if it is due, and calls the handlers that have not
heard of events, of this run and of others. Where no handler is declared nothing of this happens.
"""

import functools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from django.db import DatabaseError, InterfaceError, connections

from agents_app.conf import conf
from agents_app.core.subscriptions import subscriptions
from agents_app.runtime.engines import engine
from agents_app.runtime.handling import deliver
from agents_app.runtime.shutdown import closing
from agents_app.runtime.telling import LINGER_SECONDS, send_due, senders
from agents_app.transitions import cursors
from agents_app.transitions.hints import handlers_nearby, send_hint

logger = logging.getLogger("agents_app.handlers")
P = ParamSpec("P")
T = TypeVar("T")

LOOK_SECONDS = 1.0
"""Between two looks for tries that are to be repeated."""

THREAD = "agents-db-handlers"
"""Begins like the names of the threads that a worker writes with: a handler that starts a run does not drive it."""

_here = threading.local()


def delivers(function: Callable[P, T]) -> Callable[P, T]:
    """Decorator: event handlers are called while the function runs, and what is due then when it has returned."""

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        with delivering():
            return function(*args, **kwargs)

    return wrapper


@contextmanager
def delivering() -> Iterator[None]:
    """Event handlers are called meanwhile, and what is due then at the end. Inside another one it does nothing."""
    if not subscriptions or getattr(_here, "delivering", False):
        yield
        return
    _here.delivering = True
    try:
        if engine().inline:
            yield
            _deliver_inline()
            return
        helper = Helper()
        try:
            with handlers_nearby(helper.wake):
                yield
        except BaseException:
            helper.stop()
            raise
        helper.finish()
    finally:
        _here.delivering = False


def _deliver_inline() -> None:
    try:
        deliver()
        send_due()
    except Exception:
        logger.exception("Calling event handlers failed; the sweep will see to it.")


class Helper:
    """The thread; started by the first news, at the end at the latest."""

    def __init__(self) -> None:
        self._thread = threading.Thread(target=self._go, name=THREAD, daemon=True)
        self._over = time.monotonic() + conf.SLICE_SECONDS
        self._news = threading.Event()
        self._ending = threading.Event()
        self._lock = threading.Lock()

    def wake(self) -> None:
        """There is something new."""
        self._news.set()
        with self._lock:
            if self._thread.ident is None:
                self._thread.start()

    def stop(self) -> None:
        """Call nobody any more; nobody waits for the call that is being made."""
        self._over = 0.0
        self._news.set()

    def finish(self) -> None:
        """Work off what is due, and end; a call that takes too long is left behind."""
        self._ending.set()
        self.wake()
        self._thread.join(max(self._over - time.monotonic(), 0.0) + conf.DRAIN_SECONDS)
        if self._thread.is_alive():
            logger.error("An event handler does not return; it is left behind.")

    def _stopped(self) -> bool:
        return closing.is_set() or self._over <= time.monotonic()

    def _go(self) -> None:
        _here.delivering = True
        try:
            while not self._stopped():
                self._news.clear()
                ending = self._ending.is_set()
                deliver(self._stopped)
                if senders.look() and ending:
                    senders.join(LINGER_SECONDS)
                if ending:
                    return
                self._news.wait(LOOK_SECONDS)
            self._pass_on()
        except (DatabaseError, InterfaceError):
            logger.warning("Event handlers cannot be called now; the sweep will see to it.", exc_info=True)
        except Exception:
            logger.exception("Calling event handlers failed; the sweep will see to it.")
        finally:
            connections.close_all()

    def _pass_on(self) -> None:
        """What is left is for the next task."""
        for run_id in cursors.due_run_ids(subscriptions.names(), 1):
            send_hint(run_id)
