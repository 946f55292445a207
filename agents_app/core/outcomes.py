"""What the outcome of a tool call, or of an LLM call, means. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from agents_app.core.back_off import doubled
from agents_app.core.status import Effect, ToolCallStatus

POSTPONE_FIRST, POSTPONE_MOST = 15.0, 300.0
"""Seconds that a call is postponed while a twin of unknown outcome is open: doubling from the first to the most."""

BACKOFF_FIRST, BACKOFF_MOST = 1.0, 120.0
"""Seconds between attempts of an LLM turn: doubling from the first to the most."""

RETRY_AFTER_MOST = 3600.0
"""Seconds of a provider's `Retry-After` that are believed."""


class Ending(StrEnum):
    """How one attempt at a tool call ended."""

    RETURNED = "returned"
    REFUSED = "refused"  # ToolRetry, ToolFailed: the author's word that nothing happened
    ASKED = "asked"  # ApprovalRequired
    POSTPONED = "postponed"  # Postpone
    RAISED = "raised"  # any other exception
    TIMED_OUT = "timed_out"
    DIED = "died"  # the worker died, or gave it up
    GATE_REFUSED = "gate_refused"  # an atomic call whose row checks or precondition failed inside its transaction


SAID_NOTHING_HAPPENED = frozenset({Ending.REFUSED, Ending.ASKED, Ending.POSTPONED, Ending.GATE_REFUSED})


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """One attempt's end. `result` is JSON-able; `code` and `message` describe a failure."""

    ending: Ending
    result: object = None
    note: str = ""
    code: str = ""
    message: str = ""
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Meaning:
    """What becomes of the call: its next status, and whether the attempt counts against `retries`."""

    status: ToolCallStatus
    counts: bool = False


def meaning_of(outcome: Outcome, *, effect: Effect, failures: int, retries: int, approved: bool) -> Meaning:
    """The status a started call takes after this outcome.

    failures: earlier attempts that counted. approved: the call started under a valid approval.
    """
    match outcome.ending:
        case Ending.RETURNED:
            return Meaning(status=ToolCallStatus.SUCCEEDED)
        case Ending.REFUSED | Ending.GATE_REFUSED:
            return Meaning(status=ToolCallStatus.FAILED)
        case Ending.ASKED:
            return Meaning(status=ToolCallStatus.FAILED if approved else ToolCallStatus.AWAITING_APPROVAL)
        case Ending.POSTPONED:
            return Meaning(status=ToolCallStatus.READY)
        case _:
            return _in_doubt(effect, failures, retries)


def _in_doubt(effect: Effect, failures: int, retries: int) -> Meaning:
    """Died, timed out or raised. External: nobody knows. Idempotent: a last failure is unknown too, because told
    "failed" the LLM would propose a new call with a new key."""
    if effect is Effect.EXTERNAL:
        return Meaning(status=ToolCallStatus.UNKNOWN)
    if failures < retries:
        return Meaning(status=ToolCallStatus.READY, counts=True)
    last = ToolCallStatus.UNKNOWN if effect is Effect.IDEMPOTENT else ToolCallStatus.FAILED
    return Meaning(status=last, counts=True)


def postpone_seconds(postponements: int) -> float:
    """How long a call waits for its twin of unknown outcome, after so many postponements."""
    return doubled(POSTPONE_FIRST, postponements, POSTPONE_MOST)


def backoff_seconds(attempt: int, retry_after: float | None, jitter: float) -> float:
    """How long to wait after failed attempt number `attempt` (from 1). jitter: 0..1, spreads by up to half.

    A provider's `Retry-After` is honoured when it is longer, up to an hour, and spread too: it told everybody the same.
    """
    base = doubled(BACKOFF_FIRST, attempt - 1, BACKOFF_MOST)
    return max(base, believed(retry_after)) + base * jitter / 2


def believed(retry_after: float | None) -> float:
    """What of a provider's `Retry-After` is kept, in seconds; 0 for none and for nonsense."""
    return min(retry_after, RETRY_AFTER_MOST) if retry_after is not None and retry_after > 0 else 0.0
