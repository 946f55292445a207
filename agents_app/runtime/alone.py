"""Runs whose last worker died are driven alone, and still in turn: a worker that is never empty makes way for one."""

import time
from collections.abc import Iterable
from uuid import UUID

from agents_app.conf import conf
from agents_app.runtime.held import Held
from agents_app.transitions.hints import send_hint


class Turns:
    """When this process looks for one: not more often than every HOLD_SECONDS, so that others are driven between two,
    however many have lost their worker."""

    def __init__(self) -> None:
        self._looked: float | None = None

    def come(self) -> bool:
        """Whether it is time; then the next time comes in HOLD_SECONDS."""
        now = time.monotonic()
        if self._looked is not None and now - self._looked < conf.HOLD_SECONDS:
            return False
        self._looked = now
        return True

    def forget(self) -> None:
        """It is time (tests)."""
        self._looked = None


turns = Turns()


def pass_on(run_ids: Iterable[UUID], but: Iterable[Held]) -> None:
    """Send the wake-ups of these runs on, since this process drives another alone."""
    driven = {held.run_id for held in but}
    for run_id in run_ids:
        if run_id not in driven:
            send_hint(run_id)
