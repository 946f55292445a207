"""The sweep: queue messages are hints and may be lost; this sends new ones for what is due."""

import logging
from dataclasses import dataclass
from itertools import takewhile
from uuid import UUID

from django.db.models import Q

from agents_app.core.failpoints import failpoint
from agents_app.models import AgentContext, database_now, seconds_from_now
from agents_app.models.context import ContextQuerySet
from agents_app.runtime.reminders import remind, wake_retries
from agents_app.selectors.runs import MOST_COUNTED, at_most
from agents_app.transitions import claims, hints, llm_waits, slots

logger = logging.getLogger("agents_app.recovery")

MOST = 500
"""Hints of one pass."""

MOST_AT_ONCE = 50
"""Hints of one look for what has just fallen due."""

FIRST_SECONDS, MOST_SECONDS = 5.0, 600.0
"""Seconds between two hints for the same run, doubling."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """What one pass found.

    hinted: the runs that a wake-up was sent for (or would be, in a dry run).
    refused: how many the queue did not take, or was not asked to after it had refused one.
    """

    due: int
    stale_leases: int
    hinted: tuple[UUID, ...]
    refused: int = 0


def sweep(dry_run: bool = False) -> Sweep:
    """Send a wake-up for each run that is due and held by nobody. Safe on many hosts at once: hints may double.

    A run that was hinted at and not taken is hinted at again after 5 s, 10 s, … up to 10 minutes.
    """
    now = database_now()
    stale = claims.stale_leases()
    due = AgentContext.objects.claimable()
    ripe = hinted = _ids(due.filter(wants_hint()), MOST)
    failpoint("sweep.found")
    if not dry_run:
        slots.forget_dead()
        llm_waits.wake_forgotten()
        hinted = _submitted(ripe)
        claims.note_hints(hinted, now)
        remind()
        if hinted:
            logger.info("Sent %s wake-ups; %s leases had run out.", len(hinted), stale)
    failpoint("sweep.hinted")
    refused = len(ripe) - len(hinted)
    return Sweep(due=at_most(due, MOST_COUNTED), stale_leases=stale, hinted=hinted, refused=refused)


def wake() -> bool:
    """Send a wake-up for runs that have just fallen due and were not hinted at: cheap enough for twice a second.

    Says whether the queue took them all. One wake-up lets a worker take many runs, so a few are enough at a time.
    """
    run_ids = _ids(AgentContext.objects.claimable().filter(hinted_at__isnull=True), MOST_AT_ONCE)
    hinted = _submitted(run_ids)
    if hinted:
        claims.note_hints(hinted, database_now())
    return wake_retries() and hinted == run_ids


def nudge() -> bool:
    """Send a wake-up for the run whose turn it is, however often it was hinted at; False if none was sent."""
    return any(hints.send_hint(run_id) for run_id in _ids(AgentContext.objects.claimable(), 1))


def _submitted(run_ids: tuple[UUID, ...]) -> tuple[UUID, ...]:
    """Those of the wake-ups that the queue took. If it is down the next pass tries again."""
    return tuple(takewhile(hints.send_hint, run_ids))


def _ids(contexts: ContextQuerySet, limit: int) -> tuple[UUID, ...]:
    return tuple(context.pk for context in contexts.only("due_at", "priority").in_turn(limit))


def wants_hint() -> Q:
    """Which of the runs that are due are sent a wake-up: not hinted at, or long enough ago, twice as long each time."""
    ripe, seconds, hinted = Q(hinted_at__isnull=True), FIRST_SECONDS, 1
    while seconds < MOST_SECONDS:
        ripe |= Q(hints__lte=hinted, hinted_at__lte=seconds_from_now(-seconds))
        seconds, hinted = seconds * 2, hinted + 1
    return ripe | Q(hinted_at__lte=seconds_from_now(-MOST_SECONDS))
