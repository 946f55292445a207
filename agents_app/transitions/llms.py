"""What all processes know of an LLM: may it be asked now, and what came of asking.

Each function is one short transaction that locks the LLM's row; nothing is locked while an LLM is asked.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connections, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from agents_app.conf import conf
from agents_app.core.canonical import clean_text
from agents_app.core.failpoints import failpoint
from agents_app.core.llm_limits import LLMLimits, Trouble, correct, draw, failed
from agents_app.core.outcomes import believed
from agents_app.core.status import ENDED
from agents_app.exceptions import LLMError
from agents_app.models import AgentContext, DatabaseNow, LLMPlace, LLMState

MISSED_SECONDS = 60.0
"""How long after its time a place is kept for a run that does not come."""

LOOK_AGAIN_SECONDS = 0.5
"""How soon a run that waits for another's call to end looks again; more the further back in the queue it is."""

LOOK_AGAIN_MOST = 15.0

LATELY = 0.2
"""What the newest call weighs in the tokens that a call needs lately."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asker:
    """The run that wants to ask, under which claim, and how long its call may last."""

    run_id: UUID
    claim: int
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Permit:
    """Ask this LLM now; or, with `until`, not before then, because of `why`.

    down: its breaker is open. queued: the run has a place, and its turn comes then. probe: this call is to find out
    whether it is up again. slot: it takes one of the calls that may be under way at once. tokens: what was drawn,
    None where nobody counts them.
    """

    llm: str
    until: datetime | None = None
    why: str = ""
    down: bool = False
    queued: bool = False
    probe: bool = False
    slot: bool = False
    tokens: int | None = None


@contextmanager
def _locked(name: str) -> Iterator[tuple[LLMState, datetime]]:
    connection = connections[conf.DATABASE]
    outermost = not connection.in_atomic_block
    with transaction.atomic(using=conf.DATABASE):
        if outermost and connection.vendor == "postgresql":
            # Others queue for this row: they need not wait for the disk, and what a crash forgets does no harm.
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL synchronous_commit TO OFF")
        rows = LLMState.objects.annotate(now=DatabaseNow()).filter(name=name)
        if connection.features.has_select_for_update:
            rows = rows.select_for_update()
        row = rows.first()
        if row is None:
            LLMState.objects.bulk_create([LLMState(name=name)], ignore_conflicts=True)
            row = rows.get()
        yield row, row.now
        failpoint("llm_state.written")
    failpoint("llm_state.committed")


def look(name: str) -> bool:
    """Whether this LLM has had failures lately that its breaker counts, or is down."""
    return LLMState.objects.filter(name=name).exclude(failures=0, open_until__isnull=True).exists()


def admit(
    name: str, limits: LLMLimits, asker: Asker, *, llm: str, tokens: int | None, patience: float | None
) -> Permit:
    """Whether a run may ask this LLM (`llm` as the agent names it, `name` as its limits are counted) now.

    Who may not and has less than `patience` seconds to wait (None: however long) gets a place, and comes back at its
    time; whoever has longer to wait keeps no place. tokens: what the call will need; None: what calls need lately.
    """
    with _locked(name) as (row, now):
        trouble = trouble_of(row)
        closed = trouble.closed_until(now)
        if closed is not None:
            return Permit(llm=llm, until=_spread(closed, now), why=_why_down(name, row), down=True)
        probe = trouble.open_until is not None
        permit = Permit(llm=llm, probe=probe)
        if limits.limited:
            permit = _admit_limited(row, now, limits, asker, permit, tokens=tokens, patience=patience)
        if probe and permit.until is None:
            row.probe_until = now + timedelta(seconds=asker.seconds)
            row.save(update_fields=["probe_until"])
        return permit


def _admit_limited(
    row: LLMState,
    now: datetime,
    limits: LLMLimits,
    asker: Asker,
    permit: Permit,
    *,
    tokens: int | None,
    patience: float | None,
) -> Permit:
    place = LLMPlace.objects.filter(run_id=asker.run_id, llm=row.name, until__gt=now, down=False).first()
    if place is None:
        place = _drawn(row, now, limits, asker, tokens)
        if patience is not None and (place.starts_at - now).total_seconds() > patience:
            return Permit(llm=permit.llm, until=place.starts_at, why=_why_limited(row))
        row.save(update_fields=["requests_full_at", "tokens_full_at"])
    if place.starts_at > now:
        keep_place(place)
        return Permit(llm=permit.llm, until=place.starts_at, why=_why_limited(row), queued=True)
    if limits.max_concurrent is not None:
        ahead = _ahead(place, now)
        if ahead >= limits.max_concurrent:
            return _wait_for_slot(place, now, ahead / limits.max_concurrent, permit, patience)
        place.claim_number = asker.claim
        place.until = now + timedelta(seconds=asker.seconds)
        keep_place(place)
    else:
        LLMPlace.objects.filter(run_id=asker.run_id).delete()
    tokens = None if limits.tokens_per_minute is None else place.tokens
    return Permit(llm=permit.llm, probe=permit.probe, slot=limits.max_concurrent is not None, tokens=tokens)


def _wait_for_slot(place: LLMPlace, now: datetime, ahead: float, permit: Permit, patience: float | None) -> Permit:
    """Come again soon; who has waited for longer than its patience gives its place up."""
    queued = patience is None or (now - place.queued_at).total_seconds() <= patience
    place.starts_at = _look_again(now, ahead)
    place.until = place.starts_at + timedelta(seconds=MISSED_SECONDS)
    if queued:
        keep_place(place)
    else:
        LLMPlace.objects.filter(run_id=place.run_id).delete()
    why = f"{place.llm} answers as many calls as it may at once"
    return Permit(llm=permit.llm, until=place.starts_at, why=why, queued=queued)


def _drawn(row: LLMState, now: datetime, limits: LLMLimits, asker: Asker, tokens: int | None) -> LLMPlace:
    """A new place at the end of the queue, not stored yet; nor is what was drawn for it."""
    starts = [now]
    needed = 0
    if limits.requests_per_minute is not None:
        drawn = draw(row.requests_full_at, now, 1, limits.requests_per_minute)
        row.requests_full_at = drawn.full_at
        starts.append(drawn.starts_at)
    if limits.tokens_per_minute is not None:
        needed = max(tokens or 0, round(row.tokens_per_call or 0))
        drawn = draw(row.tokens_full_at, now, needed, limits.tokens_per_minute)
        row.tokens_full_at = drawn.full_at
        starts.append(drawn.starts_at)
    start = max(starts)
    return LLMPlace(
        run_id=asker.run_id,
        llm=row.name,
        queued_at=now,
        starts_at=start,
        until=start + timedelta(seconds=MISSED_SECONDS),
        tokens=needed,
    )


def keep_place(place: LLMPlace) -> None:
    """Store it in the run's one row, and sweep out what counts for nothing any more."""
    fields = [field.attname for field in LLMPlace._meta.concrete_fields if not field.primary_key]
    LLMPlace.objects.bulk_create([place], update_conflicts=True, unique_fields=["run_id"], update_fields=fields)
    LLMPlace.objects.filter(llm=place.llm, until__lt=DatabaseNow()).delete()


def _ahead(place: LLMPlace, now: datetime) -> int:
    """How many calls are under way, and how many runs have waited longer and still do."""
    others = LLMPlace.objects.filter(llm=place.llm, until__gt=now).exclude(run_id=place.run_id)
    return under_way(others).count() + waiting(others, place).count()


def under_way(places: "QuerySet[LLMPlace]") -> "QuerySet[LLMPlace]":
    """Those whose call is being answered: their claim still holds the run."""
    holders = AgentContext.objects.filter(
        pk=OuterRef("run_id"), claim_number=OuterRef("claim_number"), lease_until__gt=DatabaseNow()
    )
    return places.filter(Exists(holders), claim_number__isnull=False)


def waiting(places: "QuerySet[LLMPlace]", before: LLMPlace | None = None) -> "QuerySet[LLMPlace]":
    """Those whose run still wants its turn (and has wanted it for longer)."""
    runs = AgentContext.objects.filter(pk=OuterRef("run_id"), paused_at__isnull=True).exclude(status__in=ENDED)
    found = places.filter(Exists(runs), claim_number__isnull=True, down=False)
    if before is None:
        return found
    earlier = Q(queued_at__lt=before.queued_at) | Q(queued_at=before.queued_at, run_id__lt=before.run_id)
    return found.filter(earlier)


def _look_again(now: datetime, ahead: float) -> datetime:
    return _jittered(now, min(LOOK_AGAIN_SECONDS * ahead, LOOK_AGAIN_MOST))


def _spread(moment: datetime, now: datetime) -> datetime:
    """A little later, so that those who wait for an LLM that is down do not all come at one moment."""
    return moment + timedelta(seconds=random.random() * max((moment - now).total_seconds() / 2, 1.0))  # noqa: S311


def _jittered(now: datetime, seconds: float) -> datetime:
    return now + timedelta(seconds=seconds * (1 + random.random() / 2))  # noqa: S311 (spreads load; nothing secret)


def _why_limited(row: LLMState) -> str:
    return f"{row.name} is asked as often as its limits allow"


def _why_down(name: str, row: LLMState) -> str:
    return f"{name} is down ({row.error_code}): it is asked again later"


# What came of it.


def trouble_of(row: LLMState) -> Trouble:
    """What a row says of the LLM's failures."""
    return Trouble(
        failures=row.failures, since=row.failing_since, open_until=row.open_until, probe_until=row.probe_until
    )


def note_failure(name: str, limits: LLMLimits, permit: Permit, error: LLMError) -> bool:
    """The LLM could not answer. Says whether this opened its breaker."""
    if limits.breaker is None:
        return False
    with _locked(name) as (row, now):
        before = trouble_of(row)
        after = failed(before, now, limits.breaker, probe=permit.probe, retry_after=believed(error.retry_after))
        if after == before:
            return False
        row.failures, row.failing_since = after.failures, after.since
        row.open_until, row.probe_until = after.open_until, after.probe_until
        opened = after.open_until is not None and before.open_until is None
        row.opened_at = now if opened else row.opened_at
        row.error_code, row.error = clean_text(error.code)[0][:100], clean_text(error.message)[0]
        row.save()
        return opened


def note_answer(name: str, permit: Permit) -> bool:
    """The LLM answered, be it that it refuses. Says whether that closed its breaker: its probe alone can."""
    troubled = LLMState.objects.filter(name=name).exclude(failures=0)
    if permit.probe:
        return bool(troubled.filter(open_until__isnull=False).update(**CLOSED))
    troubled.filter(open_until__isnull=True).update(failures=0, failing_since=None)
    return False


CLOSED = {"failures": 0, "failing_since": None, "opened_at": None, "open_until": None, "probe_until": None}
"""The fields of a breaker that is closed."""


def close_breaker(name: str) -> bool:
    """Let everybody ask it again from now on; says whether it was open."""
    return bool(LLMState.objects.filter(name=name, open_until__isnull=False).update(**CLOSED))


def give_back(name: str, limits: LLMLimits, asker: Asker, permit: Permit, *, used: int | None, asked: bool) -> None:
    """The call is over: free its slot, and correct what was drawn for it. used: tokens, None where nobody knows."""
    if permit.slot:
        LLMPlace.objects.filter(run_id=asker.run_id, claim_number=asker.claim).delete()
    if permit.probe and not asked:
        LLMState.objects.filter(name=name).update(probe_until=None)
    if limits.tokens_per_minute is not None and (used is not None or not asked):
        with _locked(name) as (row, now):
            spent = used or 0
            row.tokens_full_at = correct(row.tokens_full_at, now, permit.tokens or 0, spent, limits.tokens_per_minute)
            if asked:
                known = row.tokens_per_call
                row.tokens_per_call = spent if known is None else known + LATELY * (spent - known)
            row.save(update_fields=["tokens_full_at", "tokens_per_call"])
