"""The table of legal moves. `transitions` asks it before it writes a status; the documentation is made from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from agents_app.core.status import (
    ENDED,
    ApprovalStatus,
    InputStatus,
    RunStatus,
    StepStatus,
    ToolCallStatus,
)
from agents_app.exceptions import IllegalMove


@dataclass(frozen=True, slots=True)
class Move:
    """From one status to another, and what it means."""

    source: StrEnum
    target: StrEnum
    meaning: str


_C, _A, _I, _S = ToolCallStatus, ApprovalStatus, InputStatus, StepStatus

TOOL_CALL_MOVES = (
    Move(_C.PROPOSED, _C.AWAITING_APPROVAL, "the policy asks a person"),
    Move(_C.PROPOSED, _C.READY, "the policy allows it"),
    Move(_C.PROPOSED, _C.REJECTED, "the policy denies it, or its arguments do not fit"),
    Move(_C.PROPOSED, _C.CANCELLED, "the run ended first"),
    Move(_C.AWAITING_APPROVAL, _C.READY, "approved; or migrated to other code, and the gate judges it anew"),
    Move(_C.AWAITING_APPROVAL, _C.REJECTED, "a person said no, or the time to decide ran out"),
    Move(_C.AWAITING_APPROVAL, _C.CANCELLED, "the run ended first"),
    Move(_C.AWAITING_APPROVAL, _C.UNKNOWN, "the run ended first, and an earlier attempt is in doubt"),
    Move(_C.READY, _C.STARTED, "its step is committed; the tool is called next"),
    Move(_C.READY, _C.AWAITING_APPROVAL, "the dispatch gate wants a new decision"),
    Move(_C.READY, _C.REJECTED, "denied at the dispatch gate"),
    Move(_C.READY, _C.CANCELLED, "the run ended first"),
    Move(_C.READY, _C.UNKNOWN, "there is no further attempt, and an earlier one is in doubt"),
    Move(_C.STARTED, _C.SUCCEEDED, "the tool returned"),
    Move(_C.STARTED, _C.FAILED, "it failed and its effect did not happen, or may have been repeated in vain"),
    Move(_C.STARTED, _C.UNKNOWN, "nobody knows whether its effect happened"),
    Move(_C.STARTED, _C.READY, "it may be tried again, or was postponed"),
    Move(_C.STARTED, _C.AWAITING_APPROVAL, "the tool itself asks for approval"),
    Move(_C.STARTED, _C.CANCELLED, "an atomic call rolled back while its run was cancelled"),
    Move(_C.UNKNOWN, _C.SUCCEEDED, "it happened: reconcile or a person says so"),
    Move(_C.UNKNOWN, _C.FAILED, "it did not happen, or a person gave it up"),
    Move(_C.UNKNOWN, _C.READY, "it did not happen and is tried again"),
)

STEP_MOVES = (
    Move(_S.STARTED, _S.COMPLETED, "its outcome is recorded"),
    Move(_S.STARTED, _S.FAILED, "it ended without a usable outcome"),
    Move(_S.STARTED, _S.STARTED, "next attempt"),
)

APPROVAL_MOVES = (
    Move(_A.PENDING, _A.APPROVED, "a person said yes"),
    Move(_A.PENDING, _A.REJECTED, "a person said no"),
    Move(_A.PENDING, _A.EXPIRED, "the time to decide ran out"),
    Move(_A.PENDING, _A.SENT_BACK, "returned to the LLM with instructions"),
    Move(_A.PENDING, _A.WITHDRAWN, "the question no longer matters"),
    Move(_A.APPROVED, _A.WITHDRAWN, "the dispatch gate did not accept it, or the run ended first"),
)

INPUT_MOVES = (
    Move(_I.PENDING, _I.ANSWERED, "the user answered"),
    Move(_I.PENDING, _I.EXPIRED, "the time to answer ran out"),
    Move(_I.PENDING, _I.WITHDRAWN, "the question no longer matters"),
)

RUN_STATUS_MEANINGS: Mapping[RunStatus, str] = {
    RunStatus.IDLE: "accepted; no iteration yet",
    RunStatus.THINKING: "the next thing is a call of the LLM",
    RunStatus.USING_TOOL: "a tool call is ready or running",
    RunStatus.WAITING_FOR_APPROVAL: "only undecided calls or unknown outcomes are left",
    RunStatus.WAITING_FOR_INPUT: "only unanswered questions are left",
    RunStatus.SCHEDULED: "continues at due_at",
    RunStatus.PAUSED: "held by a person, or because something needs one",
    RunStatus.COMPLETED: "ended with an answer",
    RunStatus.CANCELLED: "ended because somebody cancelled it",
    RunStatus.FAILED: "ended without an answer; a person may retry it",
}


def _run_moves() -> tuple[Move, ...]:
    """A live run may take any status, an ended one none; `failed` alone comes back, by retry."""
    live = [status for status in RunStatus if status not in ENDED]
    moves = [
        Move(source, target, RUN_STATUS_MEANINGS[target]) for source in live for target in RunStatus if source != target
    ]
    moves += [Move(RunStatus.FAILED, target, "retried by a person") for target in live if target != RunStatus.IDLE]
    return tuple(moves)


RUN_MOVES = _run_moves()

MOVES: Mapping[type[StrEnum], tuple[Move, ...]] = {
    RunStatus: RUN_MOVES,
    StepStatus: STEP_MOVES,
    ToolCallStatus: TOOL_CALL_MOVES,
    ApprovalStatus: APPROVAL_MOVES,
    InputStatus: INPUT_MOVES,
}

_LEGAL = {kind: frozenset((move.source, move.target) for move in moves) for kind, moves in MOVES.items()}


def check_move(source: StrEnum, target: StrEnum) -> None:
    """Raise IllegalMove unless the table has this move. A run keeping its status is no move."""
    if isinstance(target, RunStatus) and source == target:
        return
    if (source, target) not in _LEGAL[type(target)]:
        raise IllegalMove(f"{type(target).__name__}: {source} cannot become {target}.")
