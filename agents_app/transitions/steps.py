"""Closing the step of a call."""

from agents_app.core.status import StepStatus
from agents_app.models import ToolCall
from agents_app.transitions.change import Change


def close_step(edit: Change, call: ToolCall, status: StepStatus, *, code: str = "", message: str = "") -> None:
    """End the step of a call whose last word is said. A step stays open as long as another attempt may follow."""
    step = call.step
    if step is not None and step.status == StepStatus.STARTED:
        edit.set_status(step, status, ended_at=edit.now, claim_number=None, error_code=code, error=message)
