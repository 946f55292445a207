"""What must hold of every run at every moment, asked of its rows."""

from typing import Any

from agents_app.core.status import ENDED, SETTLED, StepStatus, ToolCallStatus
from agents_app.models import AgentContext, AgentEvent, AgentStep, ApprovalRequest, InputRequest, ToolCall
from agents_app.services import Run

OPEN_CALLS = (ToolCallStatus.STARTED, ToolCallStatus.UNKNOWN, ToolCallStatus.READY, ToolCallStatus.AWAITING_APPROVAL)


def assert_sound(run: Run[Any]) -> None:
    """The event log has no gaps, and an ended run has nothing open but outcomes nobody knows."""
    context = AgentContext.objects.get(pk=run.id)
    numbers = list(AgentEvent.objects.filter(context=context).order_by("sequence").values_list("sequence", flat=True))
    assert numbers == list(range(1, context.version + 1))
    calls = ToolCall.objects.filter(context=context)
    for call in calls.filter(status__in=SETTLED, step__isnull=False):
        assert call.step is not None
        assert call.step.status != StepStatus.STARTED, f"{call} is settled, its step is open"
    if context.status not in ENDED:
        return
    assert (context.due_at, context.lease_until) == (None, None)
    assert set(calls.exclude(status__in=SETTLED).values_list("status", flat=True)) <= {ToolCallStatus.UNKNOWN}
    assert not ApprovalRequest.objects.filter(context=context, status="pending").exists()
    assert not InputRequest.objects.filter(context=context, status="pending").exists()
    unknown = calls.filter(status=ToolCallStatus.UNKNOWN).values_list("step_id", flat=True)
    open_steps = AgentStep.objects.filter(context=context, status=StepStatus.STARTED).exclude(pk__in=list(unknown))
    assert not open_steps.exists()
