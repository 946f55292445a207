"""The next step of a run, as a pure function of what is known about it."""

from agents_app.core.next_step import (
    CallLLM,
    Cancel,
    Complete,
    Fail,
    NextStep,
    Reconcile,
    RunTools,
    Wait,
)
from agents_app.core.snapshot import CallView, Snapshot
from agents_app.core.status import ENDED, Effect, StepStatus, ToolCallStatus


def decide(snapshot: Snapshot) -> NextStep:
    """What to do next. A run ends only when no call is started and the LLM is not being asked."""
    if snapshot.status in ENDED:
        return Wait()
    busy = bool(snapshot.started) or snapshot.thinking
    ending = _ending(snapshot)
    if ending is not None:
        return Wait() if busy else ending
    if snapshot.paused or snapshot.thinking:
        return Wait()
    return _work(snapshot)


def _ending(snapshot: Snapshot) -> NextStep | None:
    """Whether the run must end now, whatever else could be done."""
    if snapshot.cancel_requested:
        return Cancel()
    if snapshot.deadline_at is not None and snapshot.deadline_at <= snapshot.now:
        return Fail("timeout", "The run took longer than its agent's timeout.")
    return None


def _work(snapshot: Snapshot) -> NextStep:
    calls = startable(snapshot)
    if calls and calls[0].reconcile:
        return Reconcile(calls[0].id)
    if calls:
        affordable = _affordable(snapshot, calls)
        if not affordable:
            return Wait() if snapshot.started else _out_of_steps(snapshot)
        return RunTools(tuple(call.id for call in affordable))
    if snapshot.unsettled:
        return Wait()
    if snapshot.answered:
        return Complete()
    if snapshot.run_at is not None and snapshot.run_at > snapshot.now:
        return Wait()
    return _turn(snapshot)


def _turn(snapshot: Snapshot) -> NextStep:
    think = snapshot.think
    if think is not None and think.status is StepStatus.STARTED:
        lost = Fail("llm_attempts", "The LLM was asked again and again, and each time the worker was lost.")
        return lost if think.exhausted else CallLLM()
    return _out_of_steps(snapshot) if snapshot.steps_used >= snapshot.max_steps else CallLLM()


def _out_of_steps(snapshot: Snapshot) -> Fail:
    return Fail("max_steps", f"The run used all {snapshot.max_steps} steps without coming to an answer.")


def _affordable(snapshot: Snapshot, calls: tuple[CallView, ...]) -> list[CallView]:
    """Those of these calls for which there are steps left; one that was started before costs none."""
    room = snapshot.max_steps - snapshot.steps_used
    chosen = []
    for call in calls:
        room -= not call.counted
        if room < 0 and not call.counted:
            break
        chosen.append(call)
    return chosen


def startable(snapshot: Snapshot) -> tuple[CallView, ...]:
    """The calls that may start now, in the proposed order, skipping those that wait for people or the clock.

    Neighbouring `read` calls run together, any other runs alone; so beside running calls only reads may start,
    and only if all that run are reads.
    """
    ready = [call for call in snapshot.calls if is_ready(call, snapshot)]
    if not ready:
        return ()
    if snapshot.started:
        if any(not _shares(call) for call in snapshot.started):
            return ()
        return _leading_reads(ready)
    return _leading_reads(ready) or (ready[0],)


def is_ready(call: CallView, snapshot: Snapshot) -> bool:
    """Whether a worker, and neither a person nor the clock, is next to act on this call."""
    if call.status is ToolCallStatus.UNKNOWN:
        waiting = not call.reconcile
    else:
        waiting = call.status not in (ToolCallStatus.PROPOSED, ToolCallStatus.READY)
    return not waiting and (call.not_before is None or call.not_before <= snapshot.now)


def _leading_reads(ready: list[CallView]) -> tuple[CallView, ...]:
    reads = []
    for call in ready:
        if not _shares(call):
            break
        reads.append(call)
    return tuple(reads)


def _shares(call: CallView) -> bool:
    return call.effect is Effect.READ and not call.reconcile
