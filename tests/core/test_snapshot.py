"""What a snapshot says of itself."""

from agents_app.core.snapshot import ThinkView
from agents_app.core.status import SETTLED, StepStatus, ToolCallStatus
from tests.core.snapshots import call, snapshot, thought


def test_unsettled_are_open_calls_and_open_questions() -> None:
    assert not snapshot().unsettled
    assert snapshot(open_inputs=1).unsettled
    for status in ToolCallStatus:
        assert snapshot(calls=(call(status=status),)).unsettled is (status not in SETTLED)


def test_thinking_is_an_open_turn_of_this_claim() -> None:
    assert snapshot(think=ThinkView(status=StepStatus.STARTED, held=True)).thinking
    assert not snapshot(think=ThinkView(status=StepStatus.STARTED)).thinking
    assert not snapshot(think=thought(held=True)).thinking


def test_started_are_the_calls_being_made() -> None:
    going = call(2, ToolCallStatus.STARTED)
    assert snapshot(calls=(call(1), going)).started == (going,)


def test_answered_needs_a_completed_turn() -> None:
    assert snapshot(think=thought(answered=True)).answered
    assert not snapshot(think=thought()).answered
    assert not snapshot(think=ThinkView(status=StepStatus.FAILED, answered=True)).answered
