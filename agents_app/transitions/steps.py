"""Closing the step of a call, and when what became of it can be asked."""

from datetime import datetime, timedelta

from agents_app.core.status import StepStatus
from agents_app.models import ToolCall
from agents_app.transitions.change import Change

MARGIN_SECONDS = 5.0
"""How long after a call's own deadline nothing of it can be under way any more."""


def reconcile_at(edit: Change, call: ToolCall) -> datetime | None:
    """When its tool's reconcile can be asked: not while the last attempt may be under way; None if it has none."""
    over = (call.deadline_at or edit.now) + timedelta(seconds=MARGIN_SECONDS)
    return max(over, edit.now) if call.reconcile else None


def close_step(edit: Change, call: ToolCall, status: StepStatus, *, code: str = "", message: str = "") -> None:
    """End the step of a call whose last word is said. A step stays open as long as another attempt may follow."""
    step = call.step
    if step is not None and step.status == StepStatus.STARTED:
        edit.set_status(step, status, ended_at=edit.now, claim_number=None, error_code=code, error=message)
