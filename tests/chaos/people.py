"""A process of people: starts its share of the runs, and decides, as another such process does at the same time.

    python -m tests.chaos.people INDEX

INDEX: 0 or 1; it starts the runs whose number has this remainder. It is a fork of the one that was started, which forks
another if it is killed: that one goes on where it was, without a second in which Django is imported.
"""

import contextlib
import importlib
import logging
import os
import signal
import sys
import time
from itertools import count
from types import FrameType
from typing import Any

import django
from django.db import DatabaseError, InterfaceError, connections

from agents_app.runtime.family import die_with
from tests.chaos.diary import home, read

PAUSE_SECONDS = 0.15
PROCESSES = 2


class Leave(Exception):
    """Somebody wants this process to end."""


def main(index: int) -> None:
    """Until SIGTERM."""
    django.setup()
    desk = importlib.import_module("tests.chaos.desk")  # before the fork, and not before Django is set up
    signal.signal(signal.SIGTERM, _leave)
    logging.getLogger("agents_app").setLevel(logging.CRITICAL)
    parent = os.getpid()
    with contextlib.suppress(Leave):
        while True:
            if (child := os.fork()) == 0:
                die_with(parent)
                _be_at(desk, index)
            os.waitpid(child, 0)
            time.sleep(PAUSE_SECONDS)


def _be_at(desk: Any, index: int) -> None:
    accepted = {entry["number"] for entry in read(home())["accepted"]}
    here = desk.Desk(number for number in count(index, PROCESSES) if number not in accepted)
    while True:
        with _survives_outages():
            here.once()
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
