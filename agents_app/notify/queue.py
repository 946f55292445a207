"""Which notification is tried next, and what came of it: one sender at a time on a channel, whichever process."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F, Q

from agents_app.conf import conf
from agents_app.core.back_off import doubled
from agents_app.models import ChannelState, DatabaseNow, Notification, NotificationState, database_now, seconds_from_now

FIRST_SECONDS, MOST_SECONDS = 5.0, 600.0
"""Before a failed try is repeated, doubling."""
MARGIN_SECONDS = 30.0
"""Beyond its time a try is given this long before somebody else may send on the channel."""
ERROR_LENGTH = 1_000
MOST_IN_DIGEST = 100
WAITING = NotificationState.WAITING


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """A channel taken for a while. failures: in a row, before this."""

    name: str
    number: int
    failures: int


RELATED = ("context__details", "request__call", "request__context__details", "call__context__details")


def due_channels(names: Iterable[str]) -> list[str]:
    """The channels on which something can be sent now."""
    wanted = list(names)
    due = Notification.objects.filter(state=WAITING, channel__in=wanted, due_at__lte=DatabaseNow())
    found = set(due.order_by().values_list("channel", flat=True).distinct())
    return sorted(found - _blocked(found)) if found else []


def due_run_ids(names: Iterable[str]) -> list[UUID]:
    """For each channel on which something can be sent now the run of the oldest, for a wake-up."""
    found = [
        Notification.objects.filter(state=WAITING, channel=name, due_at__lte=DatabaseNow())
        .order_by("due_at")
        .values_list("context_id", flat=True)
        .first()
        for name in due_channels(names)
    ]
    return list(dict.fromkeys(each for each in found if each is not None))


def _blocked(names: Iterable[str]) -> set[str]:
    now = DatabaseNow()
    rows = ChannelState.objects.filter(Q(retry_at__gt=now) | Q(taken_until__gt=now), name__in=list(names))
    return set(rows.values_list("name", flat=True))


def take(name: str) -> Taken | None:
    """Take the channel; None if somebody else has it, or if nothing shall be tried now."""
    row = ChannelState.objects.filter(pk=name).first()
    if row is None:
        ChannelState.objects.bulk_create([ChannelState(name=name)], ignore_conflicts=True)
        row = ChannelState.objects.get(pk=name)
    now = DatabaseNow()
    free = Q(retry_at__isnull=True) | Q(retry_at__lte=now)
    free &= Q(taken_until__isnull=True) | Q(taken_until__lte=now)
    won = ChannelState.objects.filter(free, pk=name, claim_number=row.claim_number).update(
        claim_number=F("claim_number") + 1, taken_until=_for_one_try()
    )
    return Taken(name=name, number=row.claim_number + 1, failures=row.failures) if won else None


def begin(taken: Taken) -> list[Notification] | None:
    """The notification that has waited longest, with its try counted; several of a digest, an empty list for none.

    None: the channel is somebody else's by now.
    """
    if not _mine(taken).update(taken_until=_for_one_try()):
        return None
    waiting = Notification.objects.filter(channel=taken.name, state=WAITING)
    row = waiting.filter(due_at__lte=DatabaseNow()).order_by("due_at", "pk").first()
    if row is None:
        return []
    pks = [row.pk]
    if row.digest:
        together = waiting.filter(to=row.to, digest=True).order_by("due_at", "pk")
        pks = list(together.values_list("pk", flat=True)[:MOST_IN_DIGEST])
    Notification.objects.filter(pk__in=pks, state=WAITING).update(attempts=F("attempts") + 1)
    rows = Notification.objects.filter(pk__in=pks, state=WAITING)
    return list(rows.select_related(*RELATED).order_by("pk"))


def sent(taken: Taken, rows: Iterable[Notification]) -> None:
    """They are out, and the channel works."""
    _close(rows, NotificationState.SENT)
    well = {"failures": 0, "failing_since": None, "retry_at": None, "error": ""}
    _mine(taken).exclude(**well).update(**well)


def drop(rows: Iterable[Notification], why: str) -> None:
    """There is nothing to tell any more."""
    _close(rows, NotificationState.DROPPED, error=why)


def fail(rows: Iterable[Notification], error: str, least: float = 0.0) -> datetime | None:
    """They are tried again after `least` seconds or more, or parked after too many tries.

    When that is; None if all are parked.
    """
    now = database_now()
    next_at: datetime | None = None
    for row in rows:
        if row.attempts >= conf.NOTIFY_ATTEMPTS:
            _close([row], NotificationState.PARKED, error=error)
            continue
        due_at = now + timedelta(seconds=max(least, back_off(row.attempts)))
        Notification.objects.filter(pk=row.pk, state=WAITING).update(due_at=due_at, error=error[:ERROR_LENGTH])
        next_at = due_at if next_at is None else min(next_at, due_at)
    return next_at


def block(taken: Taken, error: str, after: float | None = None) -> float:
    """Nothing goes through this channel now: nobody tries for a while, longer each time. For how many seconds."""
    wait = max(after or 0.0, back_off(taken.failures + 1))
    _mine(taken).update(
        failures=taken.failures + 1, retry_at=seconds_from_now(wait), error=error[:ERROR_LENGTH], taken_until=None
    )
    _mine(taken).filter(failing_since__isnull=True).update(failing_since=DatabaseNow())
    return wait


def give_back(taken: Taken) -> None:
    """Somebody else may send on it."""
    _mine(taken).update(taken_until=None)


def release(pks: Iterable[Any]) -> int:
    """Let parked notifications be tried again, at once; how many they were."""
    parked = Notification.objects.filter(pk__in=list(pks), state=NotificationState.PARKED)
    return parked.update(state=WAITING, state_at=DatabaseNow(), due_at=DatabaseNow(), attempts=0)


def open_channel(name: str) -> None:
    """Let the channel be tried at once."""
    ChannelState.objects.filter(pk=name).update(retry_at=None)


def back_off(tries: int) -> float:
    """Seconds to wait after so many failures."""
    return doubled(FIRST_SECONDS, tries - 1, MOST_SECONDS)


def _close(rows: Iterable[Notification], state: NotificationState, error: str = "") -> None:
    mine = Notification.objects.filter(pk__in=[row.pk for row in rows], state=WAITING)
    mine.update(state=state, state_at=DatabaseNow(), error=error[:ERROR_LENGTH])


def _mine(taken: Taken) -> Any:
    return ChannelState.objects.filter(pk=taken.name, claim_number=taken.number)


def _for_one_try() -> Any:
    return seconds_from_now(conf.NOTIFY_SECONDS + MARGIN_SECONDS)
