"""The moves of whole runs."""

from datetime import timedelta
from typing import Any

from django.utils.translation import gettext

from agents_app.core.budgets import Budget
from agents_app.core.events import EventType
from agents_app.core.status import InputStatus, RunStatus, StepKind, StepStatus, ToolCallStatus
from agents_app.exceptions import WrongState
from agents_app.models import AgentContext, RunDetails
from agents_app.transitions import approval_clock, budgets, calls, inputs, thinking
from agents_app.transitions.change import Change, new_run

UNLIMITED = Budget()

POISON = "poison"
"""The `held_code` of a run whose workers died of it."""


def start(context: AgentContext, details: RunDetails, *, timeout: float | None, limits: Budget = UNLIMITED) -> None:
    """Accept a run. timeout: seconds of wall time, from now or from `run_at`, without waiting for people.

    limits: what it may spend; its steps and its time are the context's own.
    """
    with new_run(context) as edit:
        begins = max(context.run_at, edit.now) if context.run_at else edit.now
        if timeout is not None:
            context.deadline_at = begins + timedelta(seconds=timeout)
        edit.add(details)
        budget = budgets.new_budget(context, limits, edit.now)
        if budget is not None:
            edit.add(budget)
        edit.record(
            EventType.RUN_STARTED, agent=context.agent, by=details.started_by_name or None, run_at=context.run_at
        )


def begin(edit: Change) -> None:
    """Note when the first worker took it."""
    if edit.context.details.started_at is None:
        edit.set_details(started_at=edit.now)


def recover(edit: Change) -> None:
    """Note that a worker's lease ran out."""
    edit.record(EventType.RUN_RECOVERED, claim=(edit.claim or 1) - 1)


def release(edit: Change) -> None:
    """Give the claim back in good order; whoever is due next is told on commit."""
    edit.context.lease_until = None
    edit.context.claims_without_progress = 0


def complete(edit: Change, output: Any) -> None:
    """End with an answer."""
    step = edit.new_step(StepKind.COMPLETE, held=False)
    edit.set_status(step, StepStatus.COMPLETED, ended_at=edit.now)
    _end(edit, RunStatus.COMPLETED, "the run has completed", output=output)
    edit.record(EventType.RUN_COMPLETED, steps=edit.context.steps_used)


def fail(edit: Change, code: str, message: str) -> None:
    """End without an answer; a person may retry the run."""
    _end(edit, RunStatus.FAILED, "the run has failed", error_code=code, error=message)
    edit.record(EventType.RUN_FAILED, code=code, message=message)


def cancel(edit: Change) -> None:
    """End because somebody asked for it. Nothing may be started any more."""
    _end(edit, RunStatus.CANCELLED, "the run was cancelled")
    edit.record(EventType.RUN_CANCELLED)


def _end(edit: Change, status: RunStatus, reason: str, **details: Any) -> None:
    """Settle in the same transaction what is left. Calls of unknown outcome stay: a person may settle them later,
    for the record."""
    for call in edit.rows.calls:
        if not call.settled and call.status != ToolCallStatus.UNKNOWN:
            calls.cancel(edit, call, reason)
    for request in edit.rows.inputs:
        if request.status == InputStatus.PENDING:
            inputs.withdraw(edit, request)
    think = edit.rows.think
    if think is not None and think.status == StepStatus.STARTED:
        thinking.fail_turn(edit, think, "ended", reason)
    edit.context.claims_without_progress = 0
    edit.context.paused_at = None
    edit.set_details(ended_at=edit.now, **details)
    edit.end(status)


def request_cancel(edit: Change, *, by: str, reason: str) -> None:
    """Somebody wants the run to end. What has not started is settled now; what has started is waited for.

    by: empty for the system.
    """
    edit.context.cancel_requested_at = edit.now
    edit.set_details(cancelled_by=by, cancelled_why=reason)
    edit.record(EventType.RUN_CANCEL_REQUESTED, by=by or None, reason=reason)
    _drop_unstarted(edit)
    if edit.context.lease_until is None:
        cancel(edit)


def _drop_unstarted(edit: Change) -> None:
    idle = (ToolCallStatus.PROPOSED, ToolCallStatus.AWAITING_APPROVAL, ToolCallStatus.READY)
    for call in edit.rows.calls:
        if call.status in idle:
            calls.cancel(edit, call, "the run was cancelled")
    for request in edit.rows.inputs:
        if request.status == InputStatus.PENDING:
            inputs.withdraw(edit, request)


def pause(edit: Change, *, by: str, reason: str, code: str = "") -> None:
    """Hold the run: nothing new is started. by: empty for the system; code: what holds it then."""
    edit.context.paused_at = edit.now
    edit.set_details(held_by=by, held_why=reason, held_code=code)
    edit.record(EventType.RUN_PAUSED, by=by or None, reason=reason, code=code)


def resume(edit: Change, *, by: str) -> None:
    """Let a paused run go on; one that killed its workers with the attempts of its LLM turn anew."""
    if edit.context.details.held_code == POISON:
        thinking.begin_anew(edit)
    edit.context.paused_at = None
    edit.context.claims_without_progress = 0
    edit.context.unknown_since = None
    edit.set_details(held_by="", held_why="", held_code="")
    edit.record(EventType.RUN_RESUMED, by=by)


def retry(edit: Change, *, by: str, steps: int, timeout: float | None) -> None:
    """Let a failed run live again: settled calls are kept, and it gets `steps` and `timeout` anew."""
    if any(call.status == ToolCallStatus.UNKNOWN for call in edit.rows.calls):
        raise WrongState(gettext("Settle the calls of unknown outcome first."), code="unknown_outcomes")
    edit.reopen()
    edit.context.run_at = None
    edit.context.cancel_requested_at = None
    edit.context.unknown_since = None
    edit.context.max_steps = edit.context.steps_used + steps
    edit.context.deadline_at = None if timeout is None else edit.now + timedelta(seconds=timeout)
    edit.set_details(ended_at=None, error_code="", error="", cancelled_by="", cancelled_why="")
    edit.record(EventType.RUN_RETRIED, by=by)


def hide(edit: Change, *, by: str, reason: str) -> None:
    """Only people who may see hidden runs see it from now on."""
    edit.context.hidden_at = edit.now
    edit.set_details(hidden_by=by, hidden_why=reason)
    edit.record(EventType.RUN_HIDDEN, by=by, reason=reason)


def reveal(edit: Change, *, by: str) -> None:
    """It is seen again."""
    edit.context.hidden_at = None
    edit.set_details(hidden_by="", hidden_why="")
    edit.record(EventType.RUN_REVEALED, by=by)


def let_clock_act(edit: Change) -> None:
    """Remind, escalate and expire what people were asked. Done by whoever holds the run, before anything else."""
    for request in list(edit.rows.requests):
        call = edit.rows.call(request.call_id)
        if call is not None and approval_clock.let_clock_act(edit, request, call):
            request_cancel(edit, by="", reason=f"Nobody decided about {call.tool} in time.")
    for question in list(edit.rows.inputs):
        late = question.expires_at is not None and question.expires_at <= edit.now
        if late and question.status == InputStatus.PENDING:
            inputs.expire(edit, question)
