"""Taking runs for a while. The claim number is the fence: only the newest claim may write."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connections, transaction
from django.db.models import Case, Exists, F, OuterRef, Q, UUIDField, Value, When
from django.db.models.functions import Least

from agents_app.conf import conf
from agents_app.core.budgets import Scope
from agents_app.core.failpoints import failpoint
from agents_app.core.priority import RANKS
from agents_app.models import AgentBudget, AgentContext, Bound, DatabaseNow, Prepared, Reading, seconds_from_now
from agents_app.models.context import ContextQuerySet, first_in_turn
from agents_app.transitions import budgets, slots
from agents_app.transitions.rows import OpenRows
from agents_app.transitions.write import Statement, send, update

MOST_LONELY = 30_000
"""`claims_without_progress` stops here, well before its column overflows."""

LOOKS = 5
"""Looks of one claim for runs that are not held back by a limit."""

AT_ONCE = 200
"""Leases prolonged by one statement: others wait for the rows meanwhile."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A run taken by a worker. `recovered`: the claim before ran out of its lease; `deaths`: how many in a row did.

    code: the hash of the agent's definition that it went on with last; schema: the version of its stored JSON.
    budgeted: a budget of the run, its session or its user holds; else nothing is asked or written about any.
    limited: it counts under limits, and its slots are to be given back. rows: of a run with which nothing was done yet
    all there is to know, so that nothing has to be read again.
    """

    run_id: UUID
    number: int
    recovered: bool
    deaths: int
    agent: str = ""
    code: str = ""
    schema: int = 1
    budgeted: bool = False
    limited: bool = False
    rows: OpenRows | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sign:
    """What a heartbeat learned: the run's version, and whether somebody wants it cancelled.

    `renewed`: the lease was prolonged; it is not while somebody has the row locked.
    """

    renewed: bool
    version: int
    cancel_requested: bool


# Taking.

_CLAIMED = (
    "claim_number",
    "lease_until",
    "due_at",
    "claims_without_progress",
    "hints",
    "hinted_at",
    "at_limit",
    "at_limit_since",
)

LimitsOf = Callable[[AgentContext], tuple[slots.Limit, ...]]
"""Which limits a run counts under; it may be asked while rows are locked, and asks the database nothing."""


def _no_limits(context: AgentContext) -> tuple[slots.Limit, ...]:
    return ()


def claim(run_id: UUID, *, limits: LimitsOf = _no_limits) -> Claim | None:
    """Take a run that is due and held by nobody; None if it is not, which is a normal answer."""
    if not _passes_over_locks() and not _is_claimable(run_id=run_id):  # a message that comes twice waits for no lock
        return None
    taken, _ = _take(lambda: _one(run_id=run_id), limits)
    return taken[0] if taken else None


def claim_due(limit: int, *, alone: bool = False, limits: LimitsOf = _no_limits) -> list[Claim]:
    """Take runs that somebody must act on now, in turn. alone: also those whose last worker died.

    At the same time others take other runs: they pass over what is being taken. Runs that find no slot under their
    limits are put off, and do not hide those behind them.
    """
    # Most looks find nothing, and to choose and lock costs many times as much as to see that.
    if not _any_is_due(alone):
        return []
    found: list[Claim] = []
    full: dict[str, set[Any]] = {}
    for _ in range(LOOKS):
        room = limit - len(found)
        if room <= 0:
            break
        taken, refused = _take(partial(_chosen, room, alone, full), limits)
        found += taken
        if not refused:
            break
        for name, values in slots.fields_of(refused.items()).items():
            full.setdefault(name, set()).update(values)
    return found


def _chosen(limit: int, alone: bool, full: Mapping[str, set[Any]]) -> list[AgentContext]:
    if not full:
        return first_in_turn(_heads(limit, alone), limit)
    contexts = _due(alone)
    for name, values in full.items():
        contexts = contexts.exclude(**{f"{name}__in": values})
    return _locked(contexts).in_turn(limit)


def _take(
    choose: Callable[[], list[AgentContext]], limits: LimitsOf
) -> tuple[list[Claim], dict[AgentContext, slots.Limit]]:
    """Claims are counted before anything dangerous is done: a run whose worker dies each time is found out."""
    with transaction.atomic(using=conf.DATABASE):
        contexts, refused = choose(), dict[AgentContext, slots.Limit]()
        wanted = {context.pk: limits(context) for context in contexts}
        if any(wanted.values()):
            contexts, refused = slots.grant(contexts, wanted)
            slots.hold_back(refused)
        if not contexts:
            return [], refused
        claims = [_claim_of(context, limited=bool(wanted[context.pk])) for context in contexts]
        leases = [_put_lease(context) for context in contexts]
        failpoint("claim.chosen")
        send(leases, conf.DATABASE, last=True)
    failpoint("claim.committed", claims)
    return claims, refused


def _put_lease(context: AgentContext) -> Statement:
    """Its row is locked, or this is the one who may write; the guard says the same once more."""
    guard = {"claim_number": context.claim_number}
    read = Reading(context.now)  # type: ignore[attr-defined]  # annotated in _locked
    context.claim_number += 1
    context.lease_until = context.due_at = read.now() + timedelta(seconds=conf.LEASE_SECONDS)
    context.claims_without_progress = min(context.claims_without_progress + 1, MOST_LONELY)
    context.hints, context.hinted_at, context.at_limit, context.at_limit_since = 0, None, None, None
    return update(context, _CLAIMED, guard, "Somebody else has taken this run.", conf.DATABASE)


def _claim_of(before: AgentContext, *, limited: bool) -> Claim:
    return Claim(
        run_id=before.pk,
        number=before.claim_number + 1,
        recovered=before.lease_until is not None,
        deaths=min(before.claims_without_progress, MOST_LONELY),
        agent=before.agent,
        code=before.code,  # type: ignore[attr-defined]  # annotated in _locked
        schema=before.schema,  # type: ignore[attr-defined]
        budgeted=before.has_budget or _has_default(before),  # type: ignore[attr-defined]
        limited=limited,
        rows=_known(before),
    )


def _known(context: AgentContext) -> OpenRows | None:
    """The rows of a run with which nothing was done yet; the claim is about to write itself into the context's."""
    if context.last_step:
        return None
    return OpenRows(version=context.version, context=context, read=Reading(context.now))  # type: ignore[attr-defined]


def _has_default(context: AgentContext) -> bool:
    """Whether the settings limit what sessions or users spend, and the run has one."""
    of_session = context.session_id is not None and bool(budgets.from_settings(Scope.SESSION))
    return of_session or (context.user_id is not None and bool(budgets.from_settings(Scope.USER)))


def _locked(contexts: ContextQuerySet) -> ContextQuerySet:
    """The same, passing over rows that somebody has locked. On SQLite the transaction itself is the lock.

    Beside each what a claim tells; whether there is a budget for it costs no statement more for who has none.
    """
    found = AgentBudget.objects.values("pk")
    has_budget = (
        Exists(found.filter(context=OuterRef("pk")))
        | Exists(found.filter(session=OuterRef("session_id")))
        | Exists(found.filter(user=OuterRef("user_id")))
    )
    contexts = contexts.annotate(
        code=F("details__definition_hash"),
        schema=F("details__schema_version"),
        has_budget=has_budget,
        now=DatabaseNow(),
    ).select_related("details", "session")
    if _passes_over_locks():
        return contexts.select_for_update(skip_locked=True, no_key=True, of=("self",))
    return contexts


def _passes_over_locks() -> bool:
    return bool(connections[conf.DATABASE].features.has_select_for_update_skip_locked)


def _due(alone: bool) -> ContextQuerySet:
    contexts = AgentContext.objects.claimable()
    return contexts if alone else contexts.filter(claims_without_progress=0)


_is_claimable = Prepared(lambda: AgentContext.objects.claimable().filter(pk=Bound("run_id", UUIDField())).only("pk"))
_any_is_due = Prepared(lambda alone: _due(alone).only("pk")[:1])
_one = Prepared(lambda: _locked(AgentContext.objects.claimable().filter(pk=Bound("run_id", UUIDField()))))
_heads = Prepared(lambda limit, alone: _locked(_due(alone)).heads(limit))
_due_heads = Prepared(lambda limit, alone: _due(alone).only("due_at", "priority").heads(limit))
_next_heads = Prepared(lambda: _due(alone=True).only("due_at", "priority", "claims_without_progress").heads(1))
_due_soon = Prepared(lambda seconds: _within(seconds)[:1])


def due_run_ids(limit: int, *, alone: bool = False) -> list[UUID]:
    """Runs that somebody must act on now, in turn. alone: also those whose last worker died."""
    return [context.pk for context in first_in_turn(_due_heads(limit, alone), limit)]


def next_is_alone() -> bool:
    """Whether the last worker of the run whose turn it is died, so that it is to be taken alone."""
    return any(context.claims_without_progress for context in first_in_turn(_next_heads(), 1))


def due_within(seconds: float) -> bool:
    """Whether somebody must act on a run that nobody holds within the next `seconds`.

    One that was held back at a limit counts when it is due, or called, and not before.
    """
    return bool(_due_soon(seconds))


def _within(seconds: float) -> ContextQuerySet:
    soon = AgentContext.objects.live().filter(due_at__lte=seconds_from_now(seconds), lease_until__isnull=True)
    free = Q(at_limit__isnull=True) | Q(due_at__lte=DatabaseNow())
    return soon.filter(free, priority__in=RANKS.values()).only("pk")


# Holding.


def heartbeat(run_id: UUID, number: int, seconds: float) -> Sign | None:
    """Hold one claimed run for `seconds` more; None if the claim is lost."""
    return heartbeats({(run_id, number): seconds})[run_id, number]


def heartbeats(held: Mapping[tuple[UUID, int], float]) -> dict[tuple[UUID, int], Sign | None]:
    """Hold runs, named by their id and the number of the claim, for so many seconds more; None where it is lost.

    A row that is locked at this moment is left alone: whoever has it is working on it. Versions do not change.
    """
    signs: dict[tuple[UUID, int], Sign | None] = dict.fromkeys(held)
    newest = dict(sorted(held))  # of two claims of one run the first is lost
    run_ids = list(newest)
    for first in range(0, len(run_ids), AT_ONCE):
        chosen = run_ids[first : first + AT_ONCE]
        lengths = {run_id: held[run_id, newest[run_id]] for run_id in chosen}
        for run_id, sign in _renew({run_id: newest[run_id] for run_id in chosen}, lengths).items():
            signs[run_id, newest[run_id]] = sign
    return signs


def _renew(numbers: Mapping[UUID, int], lengths: Mapping[UUID, float]) -> dict[UUID, Sign]:
    """The signs of those whose claim is still the newest."""
    mine = AgentContext.objects.live().filter(pk__in=list(numbers), lease_until__isnull=False)
    rows = mine.values_list("pk", "claim_number", "version", "cancel_requested_at")
    with transaction.atomic(using=conf.DATABASE):
        locked = rows
        if connections[conf.DATABASE].vendor == "postgresql":
            locked = rows.select_for_update(skip_locked=True, no_key=True)
        renewed = [row for row in locked if row[1] == numbers[row[0]]]
        if renewed:
            lease = _leases({row[0]: lengths[row[0]] for row in renewed})
            mine.filter(pk__in=[row[0] for row in renewed]).update(lease_until=lease, due_at=lease)
            failpoint("heartbeat.written")
    failpoint("heartbeat.committed")
    signs = {row[0]: _sign(row, renewed=True) for row in renewed}
    passed = [run_id for run_id in numbers if run_id not in signs]
    others = [row for row in rows.filter(pk__in=passed) if row[1] == numbers[row[0]]] if passed else []
    return signs | {row[0]: _sign(row, renewed=False) for row in others}


def _sign(row: tuple[Any, ...], *, renewed: bool) -> Sign:
    _, _, version, cancel_requested_at = row
    return Sign(renewed=renewed, version=version, cancel_requested=cancel_requested_at is not None)


def _leases(seconds: Mapping[UUID, float]) -> Case | DatabaseNow:
    """When these runs' leases end: most of them at the same time, so that the expression stays short."""
    ends: dict[float, list[UUID]] = {}
    for run_id, length in seconds.items():
        ends.setdefault(length, []).append(run_id)
    usual = max(ends, key=lambda length: len(ends[length]))
    others = [
        When(pk__in=run_ids, then=seconds_from_now(length)) for length, run_ids in ends.items() if length != usual
    ]
    return Case(*others, default=seconds_from_now(usual)) if others else seconds_from_now(usual)


def stale_leases() -> int:
    """How many runs are held by a worker that gave no sign in time."""
    return AgentContext.objects.claimable().filter(lease_until__isnull=False).count()


def note_hints(run_ids: Iterable[UUID], now: datetime) -> None:
    """Remember that these runs were hinted at, so that the next hint comes later."""
    AgentContext.objects.filter(pk__in=list(run_ids)).update(
        hints=Least(F("hints") + 1, Value(MOST_LONELY)), hinted_at=now
    )
    failpoint("hint.noted")
