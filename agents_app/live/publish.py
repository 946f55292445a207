"""Telling live clients, after commit, that a run has news up to a version; and pieces of an LLM's text.

News is dropped when it cannot be sent: the rows are the truth, and readers look by themselves every few seconds.
"""

import atexit
import logging
import os
from typing import Any
from uuid import UUID

from agents_app.core.canonical import clean_text
from agents_app.live.publisher import Publisher
from agents_app.live.way import Way, way

logger = logging.getLogger("agents_app.live")


def announce(run_id: UUID, version: int, **kwargs: Any) -> None:
    """Receiver of `signals.run_changed`: returns at once, never raises."""
    try:
        if way() is not Way.POLL or _publisher.knows(run_id):
            _publisher.changed(run_id, version)
    except Exception:
        logger.exception("Live clients could not be told.", extra={"run_id": run_id})


def delta(run_id: UUID, *, step: int, attempt: int, index: int, text: str) -> None:
    """A piece of the LLM's text. Called on the worker's event loop: returns at once and never raises.

    step: the step's number; index: of the piece within the attempt, from 0.
    """
    try:
        _publisher.said(run_id, step, attempt, clean_text(text)[0], first=index == 0)
    except Exception:
        logger.exception("Live clients could not be told.", extra={"run_id": run_id})


def flush(timeout: float = 5.0) -> bool:
    """Wait until all news is sent; says whether it was within `timeout` seconds."""
    return _publisher.flush(timeout)


def shutdown(timeout: float = 5.0) -> None:
    """Send what is left, then end the publisher's thread and its connection; the next news starts them anew."""
    _publisher.shutdown(timeout)


_publisher = Publisher()
_inherited: list[Publisher] = []


def _after_fork() -> None:
    # The parent's thread does not exist here, and its connection must not be touched, not even to close it.
    global _publisher
    _inherited.append(_publisher)
    _publisher = Publisher()


os.register_at_fork(after_in_child=_after_fork)
atexit.register(shutdown, timeout=1.0)
