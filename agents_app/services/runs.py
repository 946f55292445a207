"""Commands on runs: cancel, pause, resume, retry. Each is one transaction and says why if it cannot be done."""

from typing import Any

from agents_app.core.canonical import clean_text
from agents_app.core.status import RunStatus
from agents_app.definitions.registry import registry
from agents_app.exceptions import NotFound, NotPermitted, WrongState
from agents_app.models import AgentContext
from agents_app.selectors.archives import run_seen_by
from agents_app.selectors.people import CONTROL, may_cancel, may_control, may_view_run, name_of
from agents_app.services.values import Run, read_run
from agents_app.transitions import Change, change, runs


def cancel_run(run_id: Any, *, by: Any, reason: str = "") -> Run[Any]:
    """Ask the run to end. What has not started is not started; what has started is waited for."""
    context = _found(run_id, by)
    if not may_cancel(by, context):
        raise NotPermitted("You may not cancel this run.")
    with change(context.pk) as edit:
        _refuse_ended(edit)
        if edit.context.cancel_requested_at is None:
            runs.request_cancel(edit, by=name_of(by), reason=clean_text(reason)[0])
    return read_run(context.pk)


def pause_run(run_id: Any, *, by: Any, reason: str = "") -> Run[Any]:
    """Hold the run: what has started ends, nothing new is started."""
    context = _controlled(run_id, by)
    with change(context.pk) as edit:
        _refuse_ended(edit)
        if edit.context.paused_at is None:
            runs.pause(edit, by=name_of(by), reason=clean_text(reason)[0])
    return read_run(context.pk)


def resume_run(run_id: Any, *, by: Any) -> Run[Any]:
    """Let a paused run go on."""
    context = _controlled(run_id, by)
    with change(context.pk) as edit:
        _refuse_ended(edit)
        if edit.context.paused_at is None:
            raise WrongState("This run is not paused.")
        runs.resume(edit, by=name_of(by))
    return read_run(context.pk)


def retry_run(run_id: Any, *, by: Any) -> Run[Any]:
    """Let a failed run go on: settled calls are kept, steps and time start anew."""
    context = _controlled(run_id, by)
    if context.details.restored_at is not None:
        raise WrongState("This run was brought back from an archive, to be read only.", code="restored")
    definition = registry.get(context.agent)
    with change(context.pk) as edit:
        if edit.context.status != RunStatus.FAILED:
            raise WrongState(f"Only a failed run can be retried; this one is {edit.context.status}.")
        runs.retry(edit, by=name_of(by), steps=definition.max_steps, timeout=definition.timeout)
    return read_run(context.pk)


def _found(run_id: Any, by: Any) -> AgentContext:
    """Raises NotFound also where this person may not know of the run, and Archived."""
    context = run_seen_by(by, run_id, AgentContext.objects.select_related("details"))
    if not may_view_run(by, context):
        raise NotFound(f"There is no run {run_id}, or you may not see it.")
    return context


def _controlled(run_id: Any, by: Any) -> AgentContext:
    context = _found(run_id, by)
    if not may_control(by, context):
        raise NotPermitted(f"This needs the permission {CONTROL}.")
    return context


def _refuse_ended(edit: Change) -> None:
    if edit.context.ended:
        raise WrongState(f"This run has ended: it is {edit.context.status}.", code="ended")
