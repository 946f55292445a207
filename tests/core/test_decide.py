"""The next step: rules as properties over every snapshot that can occur, then the plain cases."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given

from agents_app.core.decide import decide, is_ready, startable
from agents_app.core.next_step import CallLLM, Cancel, Complete, Fail, Reconcile, RunTools, Wait
from agents_app.core.snapshot import Snapshot, ThinkView
from agents_app.core.status import ENDED, Effect, StepStatus, ToolCallStatus
from tests.core.snapshots import LATE, PAST, SOON, call, snapshot, snapshots, thought

READ, STARTED, UNKNOWN = Effect.READ, ToolCallStatus.STARTED, ToolCallStatus.UNKNOWN
AWAITING, PROPOSED = ToolCallStatus.AWAITING_APPROVAL, ToolCallStatus.PROPOSED


def ids(*numbers: int) -> tuple[UUID, ...]:
    return tuple(UUID(int=number) for number in numbers)


@given(snapshots())
def test_the_llm_is_never_asked_while_something_is_unsettled(look: Snapshot) -> None:
    if isinstance(decide(look), CallLLM):
        assert not look.unsettled
        assert not look.thinking


@given(snapshots(ended=True))
def test_nothing_is_done_in_an_ended_run(look: Snapshot) -> None:
    assert decide(look) == Wait()


@given(snapshots(ended=False))
def test_a_paused_run_starts_nothing(look: Snapshot) -> None:
    assert isinstance(decide(replace(look, paused=True)), Wait | Cancel | Fail)


@given(snapshots(ended=False))
def test_a_run_to_be_cancelled_starts_nothing_and_ends_when_nothing_is_under_way(look: Snapshot) -> None:
    assert decide(replace(look, cancel_requested=True)) == (Wait() if look.started or look.thinking else Cancel())


@given(snapshots(ended=False))
def test_a_run_ends_only_when_no_call_is_started_and_the_llm_is_not_asked(look: Snapshot) -> None:
    if isinstance(decide(look), Complete | Fail | Cancel):
        assert not look.started
        assert not look.thinking


@given(snapshots(ended=False))
def test_it_completes_only_with_an_answer_and_nothing_open(look: Snapshot) -> None:
    if isinstance(decide(look), Complete):
        assert look.answered
        assert not look.unsettled


@given(snapshots(ended=False))
def test_reads_run_together_and_others_alone_in_the_proposed_order(look: Snapshot) -> None:
    step = decide(look)
    if not isinstance(step, RunTools):
        return
    chosen = [each for each in look.calls if each.id in step.calls]
    assert step.calls == tuple(each.id for each in chosen)
    assert all(is_ready(each, look) for each in chosen)
    beside = [*look.started, *chosen]
    assert len(beside) == 1 or all(each.effect is READ for each in beside)
    overtaken = [each for each in look.calls if each.number < chosen[-1].number and each not in chosen]
    assert not any(is_ready(each, look) for each in overtaken)


@given(snapshots(ended=False))
def test_no_more_is_started_than_there_are_steps(look: Snapshot) -> None:
    step = decide(look)
    room = max(look.max_steps - look.steps_used, 0)
    if isinstance(step, CallLLM) and not (look.think and look.think.status is StepStatus.STARTED):
        assert room
    if isinstance(step, RunTools):
        assert sum(not each.counted for each in look.calls if each.id in step.calls) <= room


@given(snapshots(ended=False))
def test_what_waits_for_people_is_never_started(look: Snapshot) -> None:
    step = decide(look)
    chosen = step.calls if isinstance(step, RunTools) else (step.call,) if isinstance(step, Reconcile) else ()
    for each in look.calls:
        if each.status is AWAITING or (each.status is UNKNOWN and not each.reconcile):
            assert each.id not in chosen


@given(snapshots(ended=False))
def test_the_deadline_ends_the_run(look: Snapshot) -> None:
    step = decide(replace(look, deadline_at=PAST, cancel_requested=False))
    if look.started or look.thinking:
        assert step == Wait()
    else:
        assert isinstance(step, Fail)
        assert step.code == "timeout"


def test_a_new_run_asks_the_llm() -> None:
    assert decide(snapshot()) == CallLLM()


def test_a_start_in_the_future_waits() -> None:
    assert decide(snapshot(run_at=LATE)) == Wait()
    assert decide(snapshot(run_at=PAST)) == CallLLM()


def test_back_off_holds_back_the_llm_but_not_a_ready_call() -> None:
    assert decide(snapshot(run_at=LATE, calls=(call(),))) == RunTools(ids(1))


@pytest.mark.parametrize("status", sorted(ENDED))
def test_every_ended_run_rests(status: str) -> None:
    assert decide(snapshot(status=status, calls=(call(),))) == Wait()


def test_an_open_turn_of_a_lost_worker_is_asked_again_and_again_until_no_attempt_is_left() -> None:
    assert decide(snapshot(think=ThinkView(status=StepStatus.STARTED))) == CallLLM()
    step = decide(snapshot(think=ThinkView(status=StepStatus.STARTED, exhausted=True)))
    assert isinstance(step, Fail)
    assert step.code == "llm_attempts"


def test_the_next_attempt_of_a_turn_takes_no_step() -> None:
    used = {"steps_used": 3, "max_steps": 3}
    assert decide(snapshot(think=ThinkView(status=StepStatus.STARTED), **used)) == CallLLM()
    step = decide(snapshot(think=thought(), **used))
    assert isinstance(step, Fail)
    assert step.code == "max_steps"


def test_a_call_for_which_no_step_is_left_ends_the_run_but_not_under_a_running_one() -> None:
    used = {"steps_used": 3, "max_steps": 3}
    step = decide(snapshot(calls=(call(),), **used))
    assert isinstance(step, Fail)
    assert step.code == "max_steps"
    running = call(1, STARTED, effect=READ)
    assert decide(snapshot(calls=(running, call(2, effect=READ)), **used)) == Wait()


def test_another_attempt_at_a_call_takes_no_step() -> None:
    used = {"steps_used": 3, "max_steps": 3}
    assert decide(snapshot(calls=(call(counted=True),), **used)) == RunTools(ids(1))
    mixed = (call(1, effect=READ, counted=True), call(2, effect=READ), call(3, effect=READ, counted=True))
    assert decide(snapshot(calls=mixed, **used)) == RunTools(ids(1))


def test_only_as_many_reads_start_as_there_are_steps() -> None:
    reads = tuple(call(number, effect=READ) for number in (1, 2, 3))
    assert decide(snapshot(calls=reads, steps_used=1, max_steps=3)) == RunTools(ids(1, 2))


def test_a_mixed_batch_skips_what_waits_for_people() -> None:
    mixed = (call(1, AWAITING), call(2, effect=READ), call(3, PROPOSED, effect=READ), call(4))
    assert decide(snapshot(calls=mixed)) == RunTools(ids(2, 3))


def test_a_read_starts_beside_reads_and_anything_else_waits_for_them() -> None:
    running = call(1, STARTED, effect=READ)
    assert decide(snapshot(calls=(running, call(2, effect=READ)))) == RunTools(ids(2))
    assert decide(snapshot(calls=(running, call(2)))) == Wait()
    assert decide(snapshot(calls=(call(1, STARTED), call(2, effect=READ)))) == Wait()


def test_an_unknown_outcome_is_asked_for_when_its_time_has_come() -> None:
    assert decide(snapshot(calls=(call(status=UNKNOWN, reconcile=True, not_before=SOON),))) == Wait()
    assert decide(snapshot(calls=(call(status=UNKNOWN, reconcile=True, not_before=PAST),))) == Reconcile(UUID(int=1))
    assert decide(snapshot(calls=(call(status=UNKNOWN),))) == Wait()


def test_the_question_about_an_unknown_read_runs_alone() -> None:
    asked = (call(1, UNKNOWN, effect=READ, reconcile=True), call(2, effect=READ))
    assert [each.number for each in startable(snapshot(calls=asked))] == [1]


def test_a_question_to_the_user_holds_back_the_llm() -> None:
    assert decide(snapshot(think=thought(), open_inputs=1)) == Wait()
