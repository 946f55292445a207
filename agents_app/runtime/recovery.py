"""The sweep: queue messages are hints and may be lost; this sends new ones for what is due."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile
from uuid import UUID

from agents_app.core.failpoints import failpoint
from agents_app.models import AgentContext, database_now
from agents_app.runtime.reminders import remind, wake_retries
from agents_app.transitions import claims, hints

logger = logging.getLogger("agents_app.recovery")

MOST = 500
"""Hints of one pass."""

MOST_AT_ONCE = 50
"""Hints of one look for what has just fallen due."""

FIRST_SECONDS, MOST_SECONDS = 5.0, 600.0
"""Seconds between two hints for the same run, doubling."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """What one pass found. `hinted`: the runs that a wake-up was sent for (or would be, in a dry run)."""

    due: int
    stale_leases: int
    hinted: tuple[UUID, ...]


def sweep(dry_run: bool = False) -> Sweep:
    """Send a wake-up for each run that is due and held by nobody. Safe on many hosts at once: hints may double.

    A run that was hinted at and not taken is hinted at again after 5 s, 10 s, … up to 10 minutes.
    """
    now = database_now()
    stale = claims.stale_leases()
    due = AgentContext.objects.claimable()
    ripe = list(islice((context for context in due.order_by("due_at").iterator() if _ripe(context, now)), MOST))
    hinted = tuple(context.pk for context in ripe)
    failpoint("sweep.found")
    if not dry_run:
        hinted = _submitted(hinted)
        claims.note_hints(hinted, now)
        remind()
        if hinted:
            logger.info("Sent %s wake-ups; %s leases had run out.", len(hinted), stale)
    failpoint("sweep.hinted")
    return Sweep(due=due.count(), stale_leases=stale, hinted=hinted)


def wake() -> bool:
    """Send a wake-up for runs that have just fallen due and were not hinted at: cheap enough for twice a second.

    Says whether the queue took them all. One wake-up lets a worker take many runs, so a few are enough at a time.
    """
    fresh = AgentContext.objects.claimable().filter(hinted_at__isnull=True).order_by("due_at")
    run_ids = tuple(fresh.values_list("pk", flat=True)[:MOST_AT_ONCE])
    hinted = _submitted(run_ids)
    if hinted:
        claims.note_hints(hinted, database_now())
    return wake_retries() and hinted == run_ids


def nudge() -> bool:
    """Send a wake-up for the run that has been due longest, however often it was hinted at; False if none was sent."""
    oldest = AgentContext.objects.claimable().order_by("due_at").values_list("pk", flat=True).first()
    return oldest is not None and hints.send_hint(oldest)


def _submitted(run_ids: tuple[UUID, ...]) -> tuple[UUID, ...]:
    """Those of the wake-ups that the queue took. If it is down the next pass tries again."""
    return tuple(takewhile(hints.send_hint, run_ids))


def _ripe(context: AgentContext, now: datetime) -> bool:
    if context.hinted_at is None:
        return True
    wait = min(FIRST_SECONDS * 2 ** min(max(context.hints - 1, 0), 10), MOST_SECONDS)
    return bool(context.hinted_at + timedelta(seconds=wait) <= now)
