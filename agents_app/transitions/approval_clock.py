"""What the clock does to a question that nobody answers."""

from agents_app.core.approval_times import OnExpiry
from agents_app.core.events import EventType
from agents_app.core.status import ApprovalStatus
from agents_app.models import ApprovalRequest, ToolCall
from agents_app.transitions.approvals import expire, named
from agents_app.transitions.change import Change


def let_clock_act(edit: Change, request: ApprovalRequest, call: ToolCall) -> bool:
    """Remind, escalate, and end the time to decide, each once; True if the run is to be cancelled for it."""
    if request.status != ApprovalStatus.PENDING:
        return False
    about = {**named(call), "request": request.pk}
    if request.reminded_at is None and request.remind_at is not None and request.remind_at <= edit.now:
        edit.set_fields(request, reminded_at=edit.now)
        edit.record(EventType.APPROVAL_REMINDED, **about)
    if request.escalated_at is None and request.escalate_at is not None and request.escalate_at <= edit.now:
        edit.set_fields(request, escalated_at=edit.now)
        to = {"permission": request.escalate_to, "group": request.escalate_to_group}
        edit.record(EventType.APPROVAL_ESCALATED, **about, **to)
    if request.expires_at is None or request.expires_at > edit.now or request.overdue_at is not None:
        return False
    if request.on_expiry == OnExpiry.KEEP_WAITING:
        edit.set_fields(request, overdue_at=edit.now)
        edit.record(EventType.APPROVAL_OVERDUE, **about)
        return False
    expire(edit, request, call)
    return request.on_expiry == OnExpiry.CANCEL
