"""A run's status for people, and when somebody must act on it."""

from dataclasses import replace

import pytest
from hypothesis import given

from agents_app.core.decide import decide, is_ready
from agents_app.core.derive import due_at_of, status_of
from agents_app.core.next_step import Wait
from agents_app.core.snapshot import Snapshot
from agents_app.core.status import ENDED, Effect, RunStatus, ToolCallStatus
from tests.core.snapshots import LATE, NOW, PAST, SOON, call, snapshot, snapshots, thought

AWAITING, UNKNOWN = ToolCallStatus.AWAITING_APPROVAL, ToolCallStatus.UNKNOWN
R = RunStatus


def waits_for_a_person(look: Snapshot) -> bool:
    return (
        look.paused
        or look.open_inputs > 0
        or any(each.status is AWAITING or (each.status is UNKNOWN and not each.reconcile) for each in look.calls)
    )


@given(snapshots(ended=False))
def test_nobody_is_due_only_where_people_alone_can_act(look: Snapshot) -> None:
    """No live run is forgotten: without an alarm there is a person who can go on with it, and nothing else is ready."""
    if due_at_of(look) is None:
        assert waits_for_a_person(look)
        assert isinstance(decide(look), Wait)
        assert not look.timers
        if not look.paused:
            assert not any(is_ready(each, look) for each in look.calls)


@given(snapshots(ended=True))
def test_nobody_acts_on_an_ended_run(look: Snapshot) -> None:
    assert due_at_of(look) is None
    assert status_of(look) is look.status


@given(snapshots(leased=True, ended=False))
def test_while_a_lease_runs_its_end_is_due(look: Snapshot) -> None:
    assert due_at_of(look) == look.lease_until


@given(snapshots(leased=False, ended=False))
def test_work_that_is_ready_is_due_now(look: Snapshot) -> None:
    if not isinstance(decide(look), Wait):
        assert due_at_of(look) == look.now


@given(snapshots(leased=False, ended=False))
def test_no_alarm_is_false(look: Snapshot) -> None:
    """At the moment that is due there is something to do: a step, a question's time, or what a lost worker left."""
    due = due_at_of(look)
    if due is not None and due > look.now:
        then = replace(look, now=due)
        assert not isinstance(decide(then), Wait) or due in look.timers


@given(snapshots(leased=False, ended=False))
def test_no_alarm_is_missed(look: Snapshot) -> None:
    """If there is something to do at a later time, it is due by then."""
    for moment in (NOW, SOON, LATE):
        if not isinstance(decide(replace(look, now=moment)), Wait) and look.deadline_at not in (NOW, SOON, LATE):
            due = due_at_of(look)
            assert due is not None
            assert due <= moment


@given(snapshots(leased=False, ended=False))
def test_questions_expire_in_time_even_when_paused(look: Snapshot) -> None:
    for timer in look.timers:
        due = due_at_of(look)
        assert due is not None
        assert due <= timer


@given(snapshots())
def test_status_has_the_precedence_of_the_design(look: Snapshot) -> None:
    ready = any(is_ready(each, look) for each in look.calls)
    asked = any(each.status is AWAITING or (each.status is UNKNOWN and not each.reconcile) for each in look.calls)
    later = any(each.not_before is not None and each.not_before > look.now for each in look.calls)
    held_back = not look.unsettled and look.run_at is not None and look.run_at > look.now
    order = [
        (look.status in ENDED, look.status),
        (look.paused, R.PAUSED),
        (bool(look.started) or ready, R.USING_TOOL),
        (asked, R.WAITING_FOR_APPROVAL),
        (look.open_inputs > 0, R.WAITING_FOR_INPUT),
        (later or held_back, R.SCHEDULED),
        (look.think is not None, R.THINKING),
        (True, R.IDLE),
    ]
    assert status_of(look) is next(status for holds, status in order if holds)


@pytest.mark.parametrize(
    ("look", "status", "due"),
    [
        (snapshot(), R.IDLE, NOW),
        (snapshot(think=thought()), R.THINKING, NOW),
        (snapshot(calls=(call(),)), R.USING_TOOL, NOW),
        (snapshot(run_at=LATE), R.SCHEDULED, LATE),
        (snapshot(calls=(call(status=AWAITING),)), R.WAITING_FOR_APPROVAL, None),
        (snapshot(calls=(call(status=AWAITING),), timers=(LATE,)), R.WAITING_FOR_APPROVAL, LATE),
        (snapshot(calls=(call(status=UNKNOWN),)), R.WAITING_FOR_APPROVAL, None),
        (snapshot(open_inputs=1, think=thought()), R.WAITING_FOR_INPUT, None),
        (snapshot(calls=(call(1, AWAITING), call(2, not_before=SOON))), R.WAITING_FOR_APPROVAL, SOON),
        (snapshot(calls=(call(status=UNKNOWN, reconcile=True, not_before=SOON),)), R.SCHEDULED, SOON),
        (snapshot(paused=True, calls=(call(),)), R.PAUSED, None),
        (snapshot(paused=True, run_at=LATE, timers=(SOON,)), R.PAUSED, SOON),
        (snapshot(deadline_at=SOON, run_at=LATE), R.SCHEDULED, SOON),
        (snapshot(deadline_at=SOON, calls=(call(status=AWAITING),)), R.WAITING_FOR_APPROVAL, None),
        (snapshot(paused=True, calls=(call(status=ToolCallStatus.STARTED),)), R.PAUSED, NOW),
        (snapshot(calls=(call(status=ToolCallStatus.STARTED, effect=Effect.READ),)), R.USING_TOOL, NOW),
        (snapshot(status=R.FAILED, calls=(call(status=UNKNOWN),), timers=(PAST,)), R.FAILED, None),
        (snapshot(status=R.CANCELLED, paused=True), R.CANCELLED, None),
    ],
)
def test_plain_cases(look: Snapshot, status: RunStatus, due: object) -> None:
    assert (status_of(look), due_at_of(look)) == (status, due)
