"""Commands on runs: cancel, pause, resume, retry. Each is one transaction and says why if it cannot be done."""

from typing import Any

from django.utils.translation import gettext

from agents_app.core.budgets import lower
from agents_app.core.canonical import clean_text
from agents_app.core.status import RunStatus
from agents_app.definitions.registry import registry
from agents_app.exceptions import InvalidInput, NotPermitted, WrongState
from agents_app.gate.code_change import CODE_CHANGED
from agents_app.models import AgentContext
from agents_app.selectors.people import CONTROL, lacking, may_cancel, may_control, name_of
from agents_app.services.budgets import as_narrowed, limits_of_run
from agents_app.services.code_changes import accept, acceptance
from agents_app.services.found import found_run
from agents_app.services.values import Run, read_run
from agents_app.transitions import Change, change, runs

REASON_LIMIT = 10_000
"""Characters of what people write about a command."""


def cancel_run(run_id: Any, *, by: Any, reason: str = "") -> Run[Any]:
    """Ask the run to end. What has not started is not started; what has started is waited for."""
    context = found_run(run_id, by)
    if not may_cancel(by, context):
        raise NotPermitted(gettext("You may not cancel this run."), rule=CONTROL)
    with change(context.pk) as edit:
        _refuse_ended(edit)
        if edit.context.cancel_requested_at is None:
            runs.request_cancel(edit, by=name_of(by), reason=checked_reason(reason))
    return read_run(context.pk)


def pause_run(run_id: Any, *, by: Any, reason: str = "") -> Run[Any]:
    """Hold the run: what has started ends, nothing new is started."""
    context = _controlled(run_id, by)
    with change(context.pk) as edit:
        _refuse_ended(edit)
        if edit.context.paused_at is None:
            runs.pause(edit, by=name_of(by), reason=checked_reason(reason))
    return read_run(context.pk)


def resume_run(run_id: Any, *, by: Any, accept_changes: str | None = None) -> Run[Any]:
    """Let a paused run go on.

    accept_changes: let it go on under the code there is now, whose hash this is (see `read_code_change`). A run that is
    paused because its agent's code has changed needs it; else raises CodeChanged.
    """
    context = _controlled(run_id, by)
    asked = context.paused_at is not None and context.details.held_code == CODE_CHANGED
    accepted = acceptance(context, accept_changes, asked=asked)
    with change(context.pk) as edit:
        _refuse_ended(edit)
        if edit.context.paused_at is None:
            raise WrongState(gettext("This run is not paused."))
        if accepted is not None:
            accept(edit, accepted, by=by)
        runs.resume(edit, by=name_of(by))
    return read_run(context.pk)


def retry_run(run_id: Any, *, by: Any, accept_changes: str | None = None) -> Run[Any]:
    """Let a failed run go on: settled calls are kept, steps and time start anew; where its start narrowed them, as it
    said.

    accept_changes: as in `resume_run`; a run that failed because its agent's code has changed needs it.
    """
    context = _controlled(run_id, by)
    if context.details.restored_at is not None:
        raise WrongState(gettext("This run was brought back from an archive, to be read only."), code="restored")
    definition = registry.get(context.agent)
    accepted = acceptance(context, accept_changes, asked=context.details.error_code == CODE_CHANGED)
    with change(context.pk) as edit:
        if edit.context.status != RunStatus.FAILED:
            raise WrongState(
                gettext("Only a failed run can be retried; this one is %(status)s.")
                % {"status": gettext(edit.context.status)}
            )
        limits = limits_of_run(definition.budget, as_narrowed(edit.context.details.narrowed))
        steps, timeout = lower(definition.max_steps, limits.steps), lower(definition.timeout, limits.seconds)
        runs.retry(edit, by=name_of(by), steps=steps, timeout=timeout)
        if accepted is not None:
            accept(edit, accepted, by=by)
    return read_run(context.pk)


def checked_reason(reason: str) -> str:
    """A reason as rows keep it. Raises InvalidInput if it is too long."""
    if len(reason) > REASON_LIMIT:
        raise InvalidInput(
            gettext("A reason has at most %(most)s characters; this one has %(count)s.")
            % {"most": REASON_LIMIT, "count": len(reason)},
            code="too_long",
        )
    return clean_text(reason)[0]


def _controlled(run_id: Any, by: Any) -> AgentContext:
    context = found_run(run_id, by)
    if not may_control(by, context):
        raise lacking(CONTROL)
    return context


def _refuse_ended(edit: Change) -> None:
    if edit.context.ended:
        raise WrongState(
            gettext("This run has ended: it is %(status)s.") % {"status": gettext(edit.context.status)}, code="ended"
        )
