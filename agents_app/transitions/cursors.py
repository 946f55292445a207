"""How far event handlers have come. Noted in the transaction of the event itself, so that no event is forgotten."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

from django.db import transaction
from django.db.models import F

from agents_app.conf import conf
from agents_app.core.back_off import doubled
from agents_app.core.failpoints import failpoint
from agents_app.core.subscriptions import subscriptions
from agents_app.models import (
    AgentEvent,
    DatabaseNow,
    EventCursor,
    EventHandler,
    database_now,
    seconds_from_now,
)

UNAWARE_SECONDS = 900.0
"""After a handler is first known, processes of the release before may still write events without noting them."""

OVERDUE_SECONDS, MOST_SECONDS = 5.0, 600.0
"""Before the sweep hints at what nobody took; doubling from then on."""

PORTION, PORTIONS = 1_000, 20
"""Events that are looked at in one statement, and how often in one pass."""

CANDIDATES = 5
MOST_HINTS = 30_000
ERROR_LENGTH = 1_000

_registered: set[str] = set()


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """A cursor taken for a while. `sequence`: heard of up to here; `wanted`: there are events up to here at least;
    `attempt`: the number of the try that is made now."""

    id: UUID
    run_id: UUID
    handler: str
    number: int
    sequence: int
    wanted: int
    attempt: int


# Who writes an event.


def note(run_id: UUID, agent: str, events: Iterable[AgentEvent], now: datetime) -> bool:
    """Note for which handlers there is something new, in the transaction of these events. Whether there is any."""
    if not subscriptions:
        return False
    wanted = subscriptions.wanted(agent, ((event.sequence, event.type) for event in events))
    if not wanted:
        return False
    register(wanted, now)
    rows = [
        EventCursor(context_id=run_id, handler=handler, wanted=sequence, due_at=now)
        for handler, sequence in wanted.items()
    ]
    EventCursor.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["context", "handler"], update_fields=["wanted"]
    )
    return True


def register(names: Iterable[str], now: datetime) -> None:
    """Remember since when these handlers are known; once for each."""
    fresh = {name for name in names if name not in _registered}
    if not fresh:
        return
    missing = fresh - set(EventHandler.objects.filter(name__in=fresh).values_list("name", flat=True))
    rows = [
        _new_handler(subscription.handler, subscription.replay, now)
        for subscription in subscriptions.all()
        if subscription.handler in missing
    ]
    EventHandler.objects.bulk_create(rows, ignore_conflicts=True)
    transaction.on_commit(lambda: _registered.update(fresh), using=conf.DATABASE)


def _new_handler(name: str, replay: bool, now: datetime) -> EventHandler:
    if replay:
        return EventHandler(name=name, since=None, registered_at=now, looked_to=0, look_at=now)
    newest = AgentEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    look_at = now + timedelta(seconds=UNAWARE_SECONDS)
    return EventHandler(name=name, since=now, registered_at=now, looked_to=newest, look_at=look_at)


def forget_registered() -> None:
    """Ask the rows again (tests, whose rows go away)."""
    _registered.clear()


# Who calls the handlers.


def take(handler: str, seconds: float) -> Taken | None:
    """Take the cursor of this handler that has been due longest, for `seconds`; None if there is none.

    The try is counted before anything dangerous is done: a handler that kills its process is found out.
    """
    for cursor in EventCursor.objects.due().filter(handler=handler).order_by("due_at")[:CANDIDATES]:
        won = (
            EventCursor.objects.due()
            .filter(pk=cursor.pk, claim_number=cursor.claim_number)
            .update(
                claim_number=F("claim_number") + 1,
                attempts=cursor.attempts + 1,
                due_at=seconds_from_now(seconds),
                hints=0,
                hinted_at=None,
            )
        )
        if won:
            failpoint("cursor.taken")
            return Taken(
                id=cursor.pk,
                run_id=cursor.context_id,
                handler=handler,
                number=cursor.claim_number + 1,
                sequence=cursor.sequence,
                wanted=cursor.wanted,
                attempt=cursor.attempts + 1,
            )
    return None


def advance(taken: Taken, sequence: int, seconds: float) -> bool:
    """The handler has heard of this event, and the next one is tried, for `seconds`. False if the claim is lost."""
    return _write(taken, sequence=sequence, attempts=1, error="", due_at=seconds_from_now(seconds))


def rest(taken: Taken, sequence: int) -> bool:
    """The handler has heard of all up to here; the claim is given back."""
    return _write(taken, sequence=sequence, attempts=0, error="", due_at=DatabaseNow())


def fail(taken: Taken, error: str, seconds: float) -> datetime | None:
    """The try failed; the next one is made in `seconds`. When that is, None if the claim is lost."""
    due_at = database_now() + timedelta(seconds=seconds)
    return due_at if _write(taken, error=error[:ERROR_LENGTH], due_at=due_at) else None


def park(taken: Taken, error: str) -> bool:
    """The event is not tried again, nor are later ones of the run, until a person says so."""
    return _write(taken, error=error[:ERROR_LENGTH], parked_at=DatabaseNow())


def _write(taken: Taken, **fields: object) -> bool:
    written = EventCursor.objects.filter(pk=taken.id, claim_number=taken.number).update(**fields)
    failpoint("cursor.noted", taken)
    return bool(written)


# Who looks whether something was forgotten.


def due_run_ids(handlers: Iterable[str], limit: int) -> list[UUID]:
    """Runs with events that one of these handlers should be told now, the oldest first."""
    due = EventCursor.objects.due().filter(handler__in=handlers).order_by("due_at")
    return list(due.values_list("context_id", flat=True)[:limit])


def overdue(handlers: Iterable[str], limit: int) -> list[EventCursor]:
    """Cursors that nobody took for some seconds, without those that were hinted at not long ago."""
    late = EventCursor.objects.due().filter(handler__in=handlers, due_at__lte=seconds_from_now(-OVERDUE_SECONDS))
    now = database_now()
    ripe = (cursor for cursor in late.order_by("due_at").iterator() if _ripe(cursor, now))
    return list(islice(ripe, limit))


def to_repeat(handlers: Iterable[str], limit: int) -> list[EventCursor]:
    """Cursors whose next try is due by now, and that were not hinted at since."""
    due = EventCursor.objects.due().filter(handler__in=handlers, attempts__gt=0, hinted_at__isnull=True)
    return list(due.order_by("due_at")[:limit])


def note_hint(cursor: EventCursor) -> None:
    """Remember that the run was hinted at, so that the next hint comes later."""
    mine = EventCursor.objects.filter(pk=cursor.pk, claim_number=cursor.claim_number)
    mine.update(hints=min(cursor.hints + 1, MOST_HINTS), hinted_at=DatabaseNow())


def _ripe(cursor: EventCursor, now: datetime) -> bool:
    if cursor.hinted_at is None:
        return True
    wait = doubled(OVERDUE_SECONDS, cursor.hints - 1, MOST_SECONDS)
    return bool(cursor.hinted_at + timedelta(seconds=wait) <= now)


def look_back() -> None:
    """Look, a portion at a time, for events that were written by processes that did not know a handler of ours."""
    for row in EventHandler.objects.filter(name__in=subscriptions.names(), look_at__lte=DatabaseNow()):
        for _ in range(PORTIONS):
            if not _look_at_portion(row):
                break


def _look_at_portion(row: EventHandler) -> bool:
    """Whether there may be more."""
    subscription = subscriptions.get(row.name)
    portion = AgentEvent.objects.filter(pk__gt=row.looked_to).order_by("pk")
    events = list(portion.values_list("pk", "context_id", "context__agent", "sequence", "type", "at")[:PORTION])
    found: dict[UUID, int] = {}
    for _, run_id, agent, sequence, event_type, at in events:
        if subscription.wants(agent, event_type) and (row.since is None or at >= row.since):
            found[run_id] = max(sequence, found.get(run_id, 0))
    now = database_now()
    rows = [
        EventCursor(context_id=run_id, handler=row.name, wanted=wanted, due_at=now) for run_id, wanted in found.items()
    ]
    with transaction.atomic(using=conf.DATABASE):
        # Where there is a cursor it comes to these events by itself.
        EventCursor.objects.bulk_create(rows, ignore_conflicts=True)
        row.looked_to = events[-1][0] if events else row.looked_to
        row.look_at = row.look_at if len(events) == PORTION else None
        row.save(update_fields=["looked_to", "look_at"])
    return row.look_at is not None


# People.


def release(cursor: EventCursor, past: int | None = None) -> bool:
    """Let a parked handler try again; past: as if it had heard of the event of this number. False if not parked."""
    sequence = cursor.sequence if past is None else max(past, cursor.sequence)
    return bool(
        EventCursor.objects.parked()
        .filter(pk=cursor.pk, claim_number=cursor.claim_number, sequence=cursor.sequence)
        .update(
            parked_at=None,
            attempts=0,
            error="",
            due_at=DatabaseNow(),
            claim_number=F("claim_number") + 1,
            sequence=sequence,
            hints=0,
            hinted_at=None,
        )
    )


def forget(handler: str) -> int:
    """Remove all rows of a handler, in portions; how many cursors there were."""
    removed = 0
    while pks := list(
        EventCursor.objects.filter(handler=handler).order_by("pk").values_list("pk", flat=True)[:PORTION]
    ):
        removed += EventCursor.objects.filter(pk__in=pks).delete()[0]
    EventHandler.objects.filter(name=handler).delete()
    return removed
