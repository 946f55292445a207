"""The table of moves: complete, and the moves of the design and no others."""

from enum import StrEnum

import pytest

from agents_app.core import lifecycle
from agents_app.core.lifecycle import MOVES, RUN_STATUS_MEANINGS, check_move
from agents_app.core.status import (
    ENDED,
    SETTLED,
    ApprovalStatus,
    InputStatus,
    RunStatus,
    StepStatus,
    ToolCallStatus,
)
from agents_app.exceptions import IllegalMove

FIRST = {
    RunStatus: RunStatus.IDLE,
    StepStatus: StepStatus.STARTED,
    ToolCallStatus: ToolCallStatus.PROPOSED,
    ApprovalStatus: ApprovalStatus.PENDING,
    InputStatus: InputStatus.PENDING,
}
LAST = {
    RunStatus: {RunStatus.COMPLETED, RunStatus.CANCELLED},
    StepStatus: {StepStatus.COMPLETED, StepStatus.FAILED},
    ToolCallStatus: set(SETTLED),
    ApprovalStatus: {
        ApprovalStatus.REJECTED,
        ApprovalStatus.EXPIRED,
        ApprovalStatus.SENT_BACK,
        ApprovalStatus.WITHDRAWN,
    },
    InputStatus: {InputStatus.ANSWERED, InputStatus.EXPIRED, InputStatus.WITHDRAWN},
}
# `unknown` from `awaiting_approval` and `ready`: no further attempt is made, and an earlier one is in doubt.
CALLS = {
    "proposed": "awaiting_approval ready rejected cancelled",
    "awaiting_approval": "ready rejected cancelled unknown",
    "ready": "started awaiting_approval rejected cancelled unknown",
    "started": "succeeded failed unknown ready awaiting_approval cancelled",
    "unknown": "succeeded failed ready",
}
each_kind = pytest.mark.parametrize("kind", MOVES, ids=lambda kind: kind.__name__)


def targets(source: StrEnum) -> set[StrEnum]:
    return {move.target for move in MOVES[type(source)] if move.source == source}


@each_kind
def test_every_status_is_reached_from_the_first(kind: type[StrEnum]) -> None:
    reached, new = {FIRST[kind]}, {FIRST[kind]}
    while new:
        new = {target for source in new for target in targets(source)} - reached
        reached |= new
    assert reached == set(kind)


@each_kind
def test_only_the_last_statuses_have_no_moves(kind: type[StrEnum]) -> None:
    assert {each for each in kind if not targets(each)} == LAST[kind]


@each_kind
def test_moves_say_what_they_mean_and_stand_once(kind: type[StrEnum]) -> None:
    moves = MOVES[kind]
    assert all(move.meaning.strip() for move in moves)
    assert len({(move.source, move.target) for move in moves}) == len(moves)


def test_moves_of_calls() -> None:
    found = {str(source): {str(each) for each in targets(source)} for source in ToolCallStatus if targets(source)}
    assert found == {source: set(names.split()) for source, names in CALLS.items()}


@each_kind
def test_check_move_follows_the_table(kind: type[StrEnum]) -> None:
    for source in kind:
        for target in kind:
            if target in targets(source) or (kind is RunStatus and source == target):
                check_move(source, target)
            else:
                with pytest.raises(IllegalMove, match=f"{source} cannot become {target}"):
                    check_move(source, target)


def test_statuses_of_other_kinds_are_no_moves() -> None:
    with pytest.raises(IllegalMove):
        check_move(ApprovalStatus.SENT_BACK, StepStatus.COMPLETED)


def test_a_completed_or_cancelled_run_never_comes_back_and_a_failed_one_by_retry_alone() -> None:
    assert not targets(RunStatus.COMPLETED)
    assert not targets(RunStatus.CANCELLED)
    assert targets(RunStatus.FAILED).isdisjoint(ENDED)
    assert {move.meaning for move in lifecycle.RUN_MOVES if move.source == RunStatus.FAILED} == {"retried by a person"}


def test_every_status_of_a_run_has_its_meaning() -> None:
    assert set(RUN_STATUS_MEANINGS) == set(RunStatus)


def sources(target: StrEnum) -> set[StrEnum]:
    return {move.source for move in MOVES[type(target)] if move.target == target}


def test_sources() -> None:
    assert sources(ToolCallStatus.STARTED) == {ToolCallStatus.READY}
    assert sources(ApprovalStatus.WITHDRAWN) == {ApprovalStatus.PENDING, ApprovalStatus.APPROVED}
