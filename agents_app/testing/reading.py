"""What a test reads of a run, and how a run is described when an assertion fails."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from agents_app.core.status import ApprovalStatus, InputStatus, RunStatus, ToolCallStatus
from agents_app.models import AgentContext, AgentEvent, ApprovalRequest, InputRequest, ToolCall
from agents_app.services import Run
from agents_app.signals import RecordedEvent

AnyRun = Run[Any] | AgentContext | UUID | str
"""What stands for a run in a test: what `start_run` gave, its row, or its id."""


def context_of(run: AnyRun) -> AgentContext:
    """The run's row as of now."""
    run_id = run.pk if isinstance(run, AgentContext) else run.id if isinstance(run, Run) else UUID(str(run))
    return AgentContext.objects.select_related("details").get(pk=run_id)


def events(run: AnyRun) -> list[RecordedEvent]:
    """All events of a run, in order."""
    context = context_of(run)
    return [
        RecordedEvent(
            run_id=context.pk,
            agent=context.agent,
            sequence=event.sequence,
            type=event.type,
            at=event.at,
            data=event.data,
        )
        for event in AgentEvent.objects.filter(context=context).order_by("sequence")
    ]


def event_types(run: AnyRun) -> list[str]:
    """The types of all events of a run, in order."""
    return [event.type for event in events(run)]


def calls_of(run: AnyRun) -> list[ToolCall]:
    """The tool calls of a run, in the proposed order."""
    return list(ToolCall.objects.filter(context=context_of(run)).order_by("number"))


def pending_approvals_of(run: AnyRun) -> list[ApprovalRequest]:
    """The undecided approval requests of a run, oldest first."""
    requests = ApprovalRequest.objects.filter(context=context_of(run), status=ApprovalStatus.PENDING)
    return list(requests.select_related("call", "context", "context__details").order_by("call__number"))


def pending_inputs_of(run: AnyRun) -> list[InputRequest]:
    """The unanswered questions of a run, oldest first."""
    requests = InputRequest.objects.filter(context=context_of(run), status=InputStatus.PENDING)
    return list(requests.select_related("context", "context__details", "step").order_by("step__number"))


def describe(run: AnyRun) -> str:
    """How a run stands, what happened, and what a test can do now; for failure messages."""
    return "\n".join(_lines(context_of(run)))


def _lines(context: AgentContext) -> Iterator[str]:
    details = context.details
    yield f"Run {context.pk} of agent “{context.agent}” is {context.status}."
    if details.error_code:
        yield f"  error:    {details.error_code}: {details.error}"
    if context.status == RunStatus.COMPLETED:
        yield f"  output:   {details.output!r}"
    for call in calls_of(context):
        failure = f" ({call.error_code}: {call.error})" if call.error_code else ""
        yield f"  call {call.number}:   {call.tool} {call.arguments} is {call.status}{failure}"
    for request in pending_approvals_of(context):
        yield f"  approval: {request.summary} (because {request.reason})"
    for question in pending_inputs_of(context):
        yield f"  question: {question.question}"
    yield f"  events:   {' · '.join(event_types(context)) or 'none'}"
    yield f"  next:     {_advice(context)}"


def _advice(context: AgentContext) -> str:
    unknown = any(call.status == ToolCallStatus.UNKNOWN for call in calls_of(context))
    match context.status:
        case RunStatus.COMPLETED | RunStatus.CANCELLED:
            return "nothing: it has ended"
        case RunStatus.FAILED:
            return "services.retry_run(run.id, by=SYSTEM), then run_until_idle()"
        case RunStatus.PAUSED:
            return f"services.resume_run(run.id, by=SYSTEM); it is held because {context.details.held_why or '…'}"
        case RunStatus.WAITING_FOR_APPROVAL if unknown:
            return "services.settle_outcome(call.id, 'happened', by=user, result=…): the outcome of a call is unknown"
        case RunStatus.WAITING_FOR_APPROVAL:
            return "approve_pending(run, by=user) or reject_pending(run, by=user, reason=…), then run_until_idle()"
        case RunStatus.WAITING_FOR_INPUT:
            return "answer_pending(run, answer, by=user), then run_until_idle()"
        case RunStatus.SCHEDULED:
            return f"with move_time(seconds): run_until_idle(); it is due at {context.due_at}"
    return "run_until_idle()"
