"""Wake-ups for the queue. A hint may be lost: the row says that its run is due, and the sweep sends another."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from agents_app.core.failpoints import failpoint
from agents_app.executors import get_executor

logger = logging.getLogger("agents_app.transitions")


def send_hint(run_id: UUID, later: datetime | None = None) -> bool:
    """Have the run continued soon, or at `later` where the executor delays. Says whether the queue took it."""
    executor = get_executor()
    if later is not None and not executor.delays:
        return True
    try:
        failpoint("hint.sending")
        executor.submit(run_id, later)
        failpoint("hint.sent")
    except Exception as error:
        _tell(error, run_id)
        return False
    _refusing.clear()
    return True


_refusing = threading.Event()
"""Set while the queue takes nothing, as far as this process knows."""


def _tell(error: Exception, run_id: UUID) -> None:
    """The first of an outage with its traceback, those that follow in a line: there may be hundreds in a second."""
    text, named = "The queue did not take a wake-up; the sweep will send another: %s: %s", type(error).__name__
    logger.error(text, named, error, exc_info=not _refusing.is_set(), extra={"run_id": run_id})
    _refusing.set()


_nearby: list[Callable[[], None]] = []
_nearby_lock = threading.Lock()


@contextmanager
def handlers_nearby(wake: Callable[[], None]) -> Iterator[None]:
    """While it lasts this process calls event handlers itself: `wake` is told of news, and no hint is sent."""
    with _nearby_lock:
        _nearby.append(wake)
    try:
        yield
    finally:
        with _nearby_lock:
            _nearby.remove(wake)


def wake_handlers(run_id: UUID, hinted: bool) -> None:
    """There are events that a handler has not heard of: tell who calls handlers here, else send a hint.

    hinted: one was sent already, because somebody must act on the run too.
    """
    with _nearby_lock:
        for wake in _nearby:
            wake()
        if _nearby:
            return
    if not hinted:
        send_hint(run_id)
