"""Limits on how many runs are driven at once, over all processes: kept by rows, freed by the lease.

A run counts while the lease of the claim that took its slot runs. So a run that waits counts nowhere, and what a dead
worker held is free when its lease is over, without anybody doing anything. One that finds no slot is not claimed: it is
put off, a little longer each time, and the first of them is called when a slot is given back.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import connections, transaction
from django.db.models import Count, F

from agents_app.conf import conf
from agents_app.core.failpoints import failpoint
from agents_app.models import AgentContext, DatabaseNow, RunSlot, database_now
from agents_app.transitions.hints import send_hint
from agents_app.transitions.holdings import tell_held_back

FIRST_SECONDS, MOST_SECONDS = 5.0, 60.0
"""How long a run without a slot is put off at least and at most: about as long as it has waited so far."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """At most `most` runs at once with this `key`. field: the field of the context that these runs share."""

    key: str
    field: str
    most: int


def grant(
    contexts: Sequence[AgentContext], wanted: Mapping[UUID, tuple[Limit, ...]]
) -> tuple[list[AgentContext], dict[AgentContext, Limit]]:
    """Give slots to those for whom there are some, in this order; the others with the limit that is reached.

    In the transaction of a claim. Two workers that want the last slot come one after the other.
    """
    keys = sorted({limit.key for context in contexts for limit in wanted[context.pk]})
    _lock(keys)
    used = _used(keys)
    granted, refused, slots = [], {}, []
    for context in contexts:
        limits = wanted[context.pk]
        full = next((limit for limit in limits if used.get(limit.key, 0) >= limit.most), None)
        if full is not None:
            refused[context] = full
            continue
        granted.append(context)
        for limit in limits:
            used[limit.key] = used.get(limit.key, 0) + 1
            slots.append(RunSlot(limit=limit.key, context=context, claim_number=context.claim_number + 1))
    unique, new = ["limit", "context"], ["claim_number"]
    RunSlot.objects.bulk_create(slots, update_conflicts=True, unique_fields=unique, update_fields=new)
    failpoint("slots.granted")
    return granted, refused


def _lock(keys: Sequence[str]) -> None:
    """Until the end of the transaction. On SQLite it is the only one that writes anyway."""
    connection = connections[conf.DATABASE]
    if connection.vendor == "postgresql":
        numbers = sorted(int.from_bytes(sha256(key.encode()).digest()[:8], signed=True) for key in keys)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(number) FROM unnest(%s::bigint[]) AS number", [numbers])


def _used(keys: Sequence[str]) -> dict[str, int]:
    slots = _alive().filter(limit__in=keys).values("limit").annotate(number=Count("pk")).order_by()
    return {slot["limit"]: slot["number"] for slot in slots}


def _alive() -> Any:
    return RunSlot.objects.filter(context__lease_until__gt=DatabaseNow(), context__claim_number=F("claim_number"))


_HELD_BACK = ("version", "chain_salt", "chain_head", "at_limit", "at_limit_since", "due_at")


def hold_back(refused: Mapping[AgentContext, Limit]) -> None:
    """Put these runs off; in the transaction that has them locked. Each says so when it begins, and then no more."""
    if not refused:
        return
    now = database_now()
    begun = {row: (limit.key.partition(":")[0], limit.most) for row, limit in refused.items() if not row.at_limit_since}
    tell_held_back(begun, now)
    for context, limit in refused.items():
        context.at_limit = limit.key
        context.at_limit_since = context.at_limit_since or now
        context.due_at = now + _wait(now, context.at_limit_since)
    AgentContext.objects.bulk_update(refused, _HELD_BACK)


def _wait(now: datetime, since: datetime) -> timedelta:
    seconds = min(max((now - since).total_seconds(), FIRST_SECONDS), MOST_SECONDS)
    return timedelta(seconds=seconds * random.uniform(0.5, 1.5))  # noqa: S311  spreads them; nothing secret


def free(run_id: UUID, claim_number: int) -> None:
    """A run that counted is driven no longer: for each of its limits the first that was held back is due now."""
    with transaction.atomic(using=conf.DATABASE):
        slots = RunSlot.objects.filter(context_id=run_id, claim_number__lte=claim_number)
        keys = sorted(slots.values_list("limit", flat=True))
        # Who found no slot just now is about to be put off: it would not be seen before, and nobody else would call it.
        _lock(keys)
        slots.delete()
        for key in keys:
            _call_first(key)
    failpoint("slots.freed")


def _call_first(key: str) -> None:
    waiting = AgentContext.objects.live().filter(at_limit=key, due_at__gt=DatabaseNow())
    waiting = waiting.order_by("-priority", "at_limit_since", "pk")
    if connections[conf.DATABASE].features.has_select_for_update_skip_locked:
        waiting = waiting.select_for_update(skip_locked=True, no_key=True)
    first = waiting.values_list("pk", flat=True).first()
    if first is not None:
        # Since when it would have been its turn: so it comes before those that fell due later.
        AgentContext.objects.filter(pk=first).update(due_at=F("at_limit_since"))
        transaction.on_commit(lambda: send_hint(first), using=conf.DATABASE, robust=True)


def forget_dead() -> None:
    """Remove what does not count any more: slots of workers that died."""
    dead = RunSlot.objects.exclude(pk__in=_alive().values("pk"))
    dead.delete()


def fields_of(refused: Iterable[tuple[AgentContext, Limit]]) -> dict[str, set[Any]]:
    """What runs have in common for which there is no slot now: field and values."""
    found: dict[str, set[Any]] = {}
    for context, limit in refused:
        found.setdefault(limit.field, set()).add(getattr(context, limit.field))
    return found
