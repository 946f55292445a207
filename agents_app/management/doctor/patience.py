"""Asking what may hang: a doctor that waits for its patient finds nothing."""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TypeVar

from django.db import connections

Answer = TypeVar("Answer")


class NoAnswerError(Exception):
    """It did not answer in time."""


def within(seconds: float, ask: Callable[[], Answer]) -> Answer:
    """What `ask` gives or raises. Raises NoAnswerError if it takes longer.

    It is asked in a thread of its own, which is left behind: clients of servers have times of their own, or none.
    """
    answers: SimpleQueue[tuple[Answer | None, Exception | None]] = SimpleQueue()

    def asking() -> None:
        try:
            answers.put((ask(), None))
        except Exception as error:
            answers.put((None, error))
        finally:
            connections.close_all()  # this thread's

    threading.Thread(target=asking, name="agents-doctor", daemon=True).start()
    try:
        answer, error = answers.get(timeout=seconds)
    except Empty:
        raise NoAnswerError(seconds) from None
    if error is not None:
        raise error
    return answer  # type: ignore[return-value]  # nothing was raised: this is what was given
