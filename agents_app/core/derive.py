"""A run's status (for people) and its `due_at` (for workers and the clock), derived from one snapshot.

Both are written by `transitions` at every change and by nobody else. They are two values because one cannot say
it: while one call waits for a person another may be postponed.
"""

from datetime import datetime

from agents_app.core.decide import decide, is_ready
from agents_app.core.next_step import Wait
from agents_app.core.snapshot import CallView, Snapshot
from agents_app.core.status import ENDED, WAITING_FOR_PEOPLE, RunStatus, ToolCallStatus


def status_of(snapshot: Snapshot) -> RunStatus:
    """ended > paused > using_tool > waiting_for_approval > waiting_for_input > scheduled > thinking > idle."""
    if snapshot.status in ENDED:
        return snapshot.status
    if snapshot.paused:
        return RunStatus.PAUSED
    if snapshot.started or any(is_ready(call, snapshot) for call in snapshot.calls):
        return RunStatus.USING_TOOL
    if any(_needs_person(call) for call in snapshot.calls):
        return RunStatus.WAITING_FOR_APPROVAL
    if snapshot.open_inputs:
        return RunStatus.WAITING_FOR_INPUT
    if _scheduled(snapshot):
        return RunStatus.SCHEDULED
    return RunStatus.IDLE if snapshot.think is None else RunStatus.THINKING


def _needs_person(call: CallView) -> bool:
    if call.status is ToolCallStatus.UNKNOWN:
        return not call.reconcile
    return call.status is ToolCallStatus.AWAITING_APPROVAL


def _scheduled(snapshot: Snapshot) -> bool:
    if any(call.not_before is not None and call.not_before > snapshot.now for call in snapshot.calls):
        return True
    return not snapshot.unsettled and snapshot.run_at is not None and snapshot.run_at > snapshot.now


def due_at_of(snapshot: Snapshot) -> datetime | None:
    """When a worker or the clock must act on this run; None when only people can, or nobody must.

    While a lease runs it is the lease's end. While paused, ready work, postponed calls and back-off do not count.
    """
    if snapshot.status in ENDED:
        return None
    if snapshot.lease_until is not None:
        return snapshot.lease_until
    if not isinstance(decide(snapshot), Wait):
        return snapshot.now
    return min(_alarms(snapshot), default=None)


def _alarms(snapshot: Snapshot) -> list[datetime]:
    alarms = list(snapshot.timers)
    if snapshot.started:
        alarms.append(snapshot.now)
    if snapshot.paused:
        return alarms
    alarms += [call.not_before for call in snapshot.calls if call.not_before is not None and _sleeps(call)]
    if not snapshot.unsettled and snapshot.run_at is not None:
        alarms.append(snapshot.run_at)
    if snapshot.deadline_at is not None and status_of(snapshot) not in WAITING_FOR_PEOPLE:
        alarms.append(snapshot.deadline_at)
    return alarms


def _sleeps(call: CallView) -> bool:
    """Whether this call waits for the clock (and not for a person)."""
    return call.reconcile or call.status in (ToolCallStatus.PROPOSED, ToolCallStatus.READY)
