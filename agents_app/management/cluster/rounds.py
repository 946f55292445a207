"""What goes on beside the queue, and when it is dead: waking what falls due, the sweep, a look at what is late."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.db import InterfaceError, OperationalError, connections

from agents_app.core.back_off import doubled
from agents_app.models import database_now
from agents_app.runtime import recovery
from agents_app.selectors.runs import oldest_due

logger = logging.getLogger("agents_app.cluster")

STEP_SECONDS = 0.1
WAKE_SECONDS = 0.5
LOOK_SECONDS = 1.0
NUDGE_SECONDS = 3.0
SWEEP_SECONDS = recovery.FIRST_SECONDS
MOST_SECONDS = 30.0
"""Between two attempts at what fails."""
STOP_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What was seen. due_for: seconds that the oldest run has been due, None if none is. at: a monotonic moment."""

    due_for: float | None
    at: float


class Rounds:
    """Made by a thread of its own: a database that does not answer must not keep the supervisor from its signals."""

    def __init__(self) -> None:
        self.last: Look | None = None
        """The newest look; None before the first."""
        self.suspect = False
        """Set when the cluster shall show that it lives: then the oldest run is hinted at again and again."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._go, name="agents-rounds", daemon=True)
        self._away = False
        self._chores = [
            Chore(WAKE_SECONDS, recovery.wake, self._outage),
            Chore(SWEEP_SECONDS, _sweep, self._outage),
            Chore(LOOK_SECONDS, self._look, self._outage),
            Chore(NUDGE_SECONDS, self._nudge, self._outage),
        ]

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Come to an end; one that waits for its database is left behind."""
        self._stop.set()
        self._thread.join(STOP_SECONDS)

    def _go(self) -> None:
        try:
            while not self._stop.wait(STEP_SECONDS):
                for chore in self._chores:
                    chore.do(time.monotonic())
        finally:
            connections.close_all()

    def _look(self) -> None:
        since = oldest_due()
        due_for = None if since is None else (database_now() - since).total_seconds()
        self.last = Look(due_for=due_for, at=time.monotonic())
        if self._away:
            self._away = False
            logger.info("The database answers again.")

    def _outage(self, error: Exception) -> None:
        connections.close_all()
        if not self._away:
            self._away = True
            logger.error("The database does not answer: %s", " ".join(str(error).split()))

    def _nudge(self) -> None:
        if self.suspect:
            recovery.nudge()


class Chore:
    """Something to be done every `seconds`. Where it fails, it is done again later and later.

    `work` may give False: it failed, and has said so itself. on_outage: told when the database did not answer.
    """

    def __init__(self, seconds: float, work: Callable[[], bool | None], on_outage: Callable[[Exception], None]) -> None:
        self._seconds = seconds
        self._work = work
        self._on_outage = on_outage
        self._next = 0.0
        self._failures = 0

    def do(self, now: float) -> None:
        """If it is time."""
        if now < self._next:
            return
        self._failures = 0 if self._done() else self._failures + 1
        self._next = now + doubled(self._seconds, self._failures, max(self._seconds, MOST_SECONDS))

    def _done(self) -> bool:
        try:
            return self._work() is not False
        except (OperationalError, InterfaceError) as error:
            self._on_outage(error)
        except Exception:
            # Whatever it is, the runs must go on being looked after.
            logger.exception("Looking after the runs failed.")
        return False


def _sweep() -> None:
    recovery.sweep()
