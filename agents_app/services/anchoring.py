"""Making anchors: once a day, the links up to which the hash chains of runs have grown."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from agents_app.conf import conf
from agents_app.core.chain import START
from agents_app.models import AgentEvent, AuditAnchor, database_now
from agents_app.models.audit_anchor import lines_of

LOOK_BACK = timedelta(hours=1)
"""An event may be stored under its id so much later: what is younger is looked at again by the next anchor."""

PORTION = 2_000
"""Events that are read together."""

MOST_RUNS = 5_000
"""Of one anchor; where more runs have grown another follows at once."""


def make_anchors(*, seconds: float | None = None) -> int:
    """Make today's anchor, if there is none yet; where it has no room for all runs, further ones. Gives their number.

    seconds: begin none after so long; a later pass goes on. Of several hosts that do it at the same time one wins.
    """
    until = None if seconds is None else time.monotonic() + seconds
    made = 0
    while True:
        last, now = AuditAnchor.objects.order_by("-number").first(), database_now()
        if last is not None and last.complete and last.made_at.date() >= now.date():
            return made
        if not _make(last, now):
            return made
        made += 1
        if until is not None and time.monotonic() >= until:
            return made


def _make(last: AuditAnchor | None, now: datetime) -> bool:
    anchor = AuditAnchor(number=1 if last is None else last.number + 1, made_at=now, before=START)
    goes_on = False
    if last is not None:
        anchor.before, anchor.settled_to = last.seal, last.settled_to
        goes_on = not last.complete
        anchor.looked_to = last.looked_to if goes_on else last.settled_to
    runs = _look(anchor, now - LOOK_BACK, settling=not goes_on or anchor.settled_to == anchor.looked_to)
    anchor.lines, anchor.runs = lines_of(runs), len(runs)
    anchor.seal = anchor.sealed()
    try:
        with transaction.atomic(using=conf.DATABASE):
            anchor.save(force_insert=True)
    except IntegrityError:
        return False  # somebody else was faster
    return True


def _look(anchor: AuditAnchor, horizon: datetime, *, settling: bool) -> dict[UUID, tuple[int, str | None]]:
    """The last events of runs that have grown. Moves `looked_to`, and `settled_to` up to the first young event."""
    runs: dict[UUID, tuple[int, str | None]] = {}
    for pk, run, sequence, link, at in _events(anchor.looked_to):
        if len(runs) >= MOST_RUNS and run not in runs:
            anchor.complete = False
            break
        if run not in runs or runs[run][0] < sequence:
            runs[run] = sequence, link
        anchor.looked_to = pk
        settling = settling and at < horizon
        if settling:
            anchor.settled_to = pk
    return runs


def _events(after: int) -> Iterator[Any]:
    events = AgentEvent.objects.order_by("pk").values_list("pk", "context_id", "sequence", "link", "at")
    while portion := list(events.filter(pk__gt=after)[:PORTION]):
        yield from portion
        after = portion[-1][0]
