"""Taking a run for a while. The claim number is the fence: only the newest claim may write."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connections, transaction

from agents_app.conf import conf
from agents_app.core.status import ToolCallStatus
from agents_app.models import AgentContext, DatabaseNow, ToolCall, seconds_from_now

MOST_LONELY = 30_000
"""`claims_without_progress` stops here, well before its column overflows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A run taken by a worker. `recovered`: the claim before ran out of its lease; `deaths`: how many in a row did."""

    run_id: UUID
    number: int
    recovered: bool
    deaths: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Sign:
    """What a heartbeat learned: the run's version, and whether somebody wants it cancelled.

    `renewed`: the lease was prolonged; it is not while somebody has the row locked.
    """

    renewed: bool
    version: int
    cancel_requested: bool


def claim(run_id: UUID) -> Claim | None:
    """Take a run that is due and held by nobody; None if it is not, which is a normal answer.

    The claim is counted before anything dangerous is done: a run whose worker dies each time is found out.
    """
    if not AgentContext.objects.claimable().filter(pk=run_id).exists():
        return None
    with transaction.atomic(using=conf.DATABASE):
        context = _lock_claimable(run_id)
        if context is None:
            return None
        deaths = min(context.claims_without_progress, MOST_LONELY)
        lease = seconds_from_now(conf.LEASE_SECONDS)
        taken = (
            AgentContext.objects.claimable()
            .filter(pk=run_id, claim_number=context.claim_number)
            .update(
                claim_number=context.claim_number + 1,
                lease_until=lease,
                due_at=lease,
                claims_without_progress=deaths + 1,
                hints=0,
                hinted_at=None,
            )
        )
    if not taken:
        return None
    recovered = context.lease_until is not None
    return Claim(run_id=run_id, number=context.claim_number + 1, recovered=recovered, deaths=deaths)


def _lock_claimable(run_id: UUID) -> AgentContext | None:
    contexts = AgentContext.objects.claimable().filter(pk=run_id)
    if connections[conf.DATABASE].features.has_select_for_update_skip_locked:
        contexts = contexts.select_for_update(skip_locked=True, no_key=True)
    return contexts.first()


def due_run_ids(limit: int, *, alone: bool = False) -> list[UUID]:
    """Runs that somebody must act on now, oldest first. alone: also those whose last worker died."""
    contexts = AgentContext.objects.claimable()
    if not alone:
        contexts = contexts.filter(claims_without_progress=0)
    return list(contexts.order_by("due_at").values_list("pk", flat=True)[:limit])


def startable_tools(run_id: UUID) -> set[str]:
    """The tools of the run's calls that no person has to look at before they start."""
    waiting = (ToolCallStatus.PROPOSED, ToolCallStatus.READY)
    return set(ToolCall.objects.filter(context_id=run_id, status__in=waiting).values_list("tool", flat=True))


def due_within(seconds: float) -> bool:
    """Whether somebody must act on a run that nobody holds within the next `seconds`."""
    return AgentContext.objects.live().filter(due_at__lte=seconds_from_now(seconds), lease_until__isnull=True).exists()


def heartbeat(run_id: UUID, number: int, seconds: float) -> Sign | None:
    """Hold a claimed run for `seconds` more; None if the claim is lost. Does not change the version.

    A row that is locked at this moment is left alone: whoever has it is working on it.
    """
    mine = AgentContext.objects.live().filter(pk=run_id, claim_number=number, lease_until__isnull=False)
    with transaction.atomic(using=conf.DATABASE):
        locked = mine
        if connections[conf.DATABASE].vendor == "postgresql":
            locked = mine.select_for_update(skip_locked=True, no_key=True)
        renewed = locked.first() is not None
        if renewed:
            lease = seconds_from_now(seconds)
            mine.update(lease_until=lease, due_at=lease)
    row = mine.values_list("version", "cancel_requested_at").first()
    return None if row is None else Sign(renewed=renewed, version=row[0], cancel_requested=row[1] is not None)


def stale_leases() -> int:
    """How many runs are held by a worker that gave no sign in time."""
    return AgentContext.objects.live().filter(lease_until__lte=DatabaseNow()).count()


def note_hints(run_ids: Iterable[UUID], now: datetime) -> None:
    """Remember that these runs were hinted at, so that the next hint comes later."""
    for run_id in run_ids:
        row = AgentContext.objects.filter(pk=run_id)
        hints = row.values_list("hints", flat=True).first()
        if hints is not None:
            row.update(hints=min(hints + 1, MOST_LONELY), hinted_at=now)
