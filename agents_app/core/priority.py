"""Who is taken first when more is due than workers can drive."""

from datetime import datetime, timedelta
from enum import StrEnum


class Priority(StrEnum):
    """How urgent a run is, beside others that are due."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


RANKS = {Priority.HIGH: 1, Priority.NORMAL: 0, Priority.LOW: -1}
"""How rows store it."""

HEAD_START = timedelta(seconds=60)
"""What one level is worth: a run goes before those of the next lower level that are due for less than this longer.

So a run of low priority never waits for ever: it only grows older.
"""


def priority_of(rank: int) -> Priority:
    """The priority that a row stores."""
    return next(priority for priority, stored in RANKS.items() if stored == rank)


def turn(due_at: datetime, rank: int) -> datetime:
    """Runs that are due are taken in this order."""
    return due_at - HEAD_START * rank
