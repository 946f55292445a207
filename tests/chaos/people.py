"""A process of people: starts its share of the runs, and decides, as another such process does at the same time.

    python -m tests.chaos.people INDEX

INDEX: 0 or 1; it starts the runs whose number has this remainder. Killed and started again it goes on where it was.
"""

import contextlib
import logging
import signal
import sys
import time
from itertools import count
from types import FrameType
from typing import Any

import django
from django.db import DatabaseError, InterfaceError, connections

PAUSE_SECONDS = 0.15
PROCESSES = 2


class Leave(Exception):
    """Somebody wants this process to end."""


def main(index: int) -> None:
    """Until SIGTERM."""
    django.setup()
    # Not before Django is set up.
    from tests.chaos.desk import Desk
    from tests.chaos.diary import home, read

    signal.signal(signal.SIGTERM, _leave)
    logging.getLogger("agents_app").setLevel(logging.CRITICAL)
    accepted = {entry["number"] for entry in read(home())["accepted"]}
    desk = Desk(number for number in count(index, PROCESSES) if number not in accepted)
    with contextlib.suppress(Leave):
        while True:
            with _survives_outages():
                desk.once()
            time.sleep(PAUSE_SECONDS)


@contextlib.contextmanager
def _survives_outages() -> Any:
    try:
        yield
    except (DatabaseError, InterfaceError):
        # What was asked may have been done or not: it is looked at again.
        connections.close_all()


def _leave(number: int, frame: FrameType | None) -> None:
    raise Leave


if __name__ == "__main__":
    main(int(sys.argv[1]))
