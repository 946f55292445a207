"""The end of a chaos: until nothing comes any more, so that the judge finds nobody in the midst of something."""

import time
from collections.abc import Callable

from django.db import connection
from django.db.models import F, Q

from agents_app.core.status import ENDED
from agents_app.models import AgentContext, AgentEvent, DatabaseNow, EventCursor
from agents_app.runtime.recovery import wants_hint
from tests.chaos.verdict import unsettled

QUIET_SECONDS = 2.0
LOOK_SECONDS = 0.5
LATER_SECONDS = 600.0
"""For what is not due yet so long is waited at most, or patience would never end."""


def be_quiet(look: Callable[[], None], people_leave: Callable[[], None], patience: float) -> None:
    """Nobody does harm or starts runs any more. People go on deciding until all is at rest, and leave; then what they
    did last comes to its end, too. Whoever ends the processes afterwards interrupts nothing.

    look: starts what has died, and says how it goes. patience: seconds without an event until what is not at rest has
    been forgotten; they do not count while something is not due yet.
    """
    came_to_rest = _until_rest(look, patience)
    people_leave()
    if came_to_rest:
        _until_rest(look, patience)


def _until_rest(look: Callable[[], None], patience: float) -> bool:
    """False: there was no patience left."""
    begun = moved = time.monotonic()
    last = -1
    while time.monotonic() - moved < patience:
        look()
        connection.close()  # restarts of the server have cut it
        waited = time.monotonic() - begun
        events = AgentEvent.objects.count()
        if events != last or (waited < LATER_SECONDS and comes_later()):
            last, moved = events, time.monotonic()
        elif time.monotonic() - moved > QUIET_SECONDS and at_rest():
            return True
        time.sleep(LOOK_SECONDS)
    return False


def at_rest() -> bool:
    """Whether nothing happens by itself any more: also no question runs out."""
    return not unsettled() and not AgentContext.objects.exclude(status__in=ENDED).filter(due_at__isnull=False).exists()


def comes_later() -> bool:
    """Whether something is not late but not due yet: a run, its next hint, or the next try of an event handler."""
    free = AgentContext.objects.exclude(status__in=ENDED).filter(lease_until__isnull=True)
    later = Q(due_at__gt=DatabaseNow()) | (Q(due_at__isnull=False) & ~wants_hint())
    untold = EventCursor.objects.filter(wanted__gt=F("sequence"), due_at__gt=DatabaseNow())
    return free.filter(later).exists() or untold.exists()
