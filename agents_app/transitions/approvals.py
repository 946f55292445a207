"""Questions about calls, and what people answer."""

from datetime import timedelta
from typing import Any

from agents_app.conf import conf
from agents_app.core.approval_times import BY_SETTINGS, ApprovalTimes
from agents_app.core.events import EventType
from agents_app.core.status import ApprovalStatus, StepStatus, ToolCallStatus
from agents_app.models import ApprovalRequest, Decision, ToolCall
from agents_app.transitions.approval_times import put_times
from agents_app.transitions.change import Change
from agents_app.transitions.steps import close_step, reconcile_at

TOLD_LENGTH = 500
"""Characters of a reason that an event keeps; the row has all of it."""


def request_approval(
    edit: Change,
    call: ToolCall,
    *,
    reason: str,
    rule: str,
    summary: str,
    permission: str,
    times: ApprovalTimes = BY_SETTINGS,
    supersedes: ApprovalRequest | None = None,
    why: str = "",
) -> ApprovalRequest:
    """Ask people about this exact call, and let it wait for them."""
    edit.set_status(call, ToolCallStatus.AWAITING_APPROVAL, not_before=None, claim_number=None)
    request = ApprovalRequest(
        context=edit.context,
        call=call,
        status=ApprovalStatus.PENDING,
        status_at=edit.now,
        created_at=edit.now,
        reason=reason,
        rule=rule,
        summary=summary,
        digest=call.digest,
        permission=permission,
        supersedes=supersedes,
    )
    put_times(request, times, edit.now)
    edit.add(request)
    edit.rows.requests.append(request)
    edit.record(
        EventType.APPROVAL_REQUESTED,
        **named(call),
        request=request.pk,
        rule=rule,
        expires_at=request.expires_at,
        supersedes=supersedes.pk if supersedes else None,
        why=why[:TOLD_LENGTH] or None,
    )
    return request


def approve(edit: Change, request: ApprovalRequest, call: ToolCall, decision: Decision) -> None:
    """A person said yes; the call may start while the approval is valid."""
    edit.add(decision)
    valid = conf.APPROVAL_VALID_SECONDS if request.valid_seconds is None else request.valid_seconds
    valid_until = edit.now + timedelta(seconds=valid)
    edit.set_status(request, ApprovalStatus.APPROVED, valid_until=valid_until, digest=decision.digest)
    edit.set_status(call, ToolCallStatus.READY)
    edit.record(EventType.APPROVAL_APPROVED, **_decided(request, call, decision))


def change_arguments(edit: Change, call: ToolCall, decision: Decision, request: ApprovalRequest, **new: Any) -> None:
    """A person changed the arguments (new: arguments, sealed, arguments_hash, digest)."""
    before = call.proposed_arguments or call.arguments
    edit.set_fields(call, edited=True, proposed_arguments=before, **new)
    edit.record(EventType.APPROVAL_EDITED, **_decided(request, call, decision))


def reject(edit: Change, request: ApprovalRequest, call: ToolCall, decision: Decision) -> None:
    """A person said no; the LLM reads why."""
    edit.add(decision)
    edit.set_status(request, ApprovalStatus.REJECTED)
    edit.record(EventType.APPROVAL_REJECTED, **_decided(request, call, decision))
    reject_call(edit, call, code="rejected", message=decision.reason)


def send_back(edit: Change, request: ApprovalRequest, call: ToolCall, decision: Decision) -> None:
    """A person gave it back with instructions; the LLM reads them, and may propose another call."""
    edit.add(decision)
    edit.set_status(request, ApprovalStatus.SENT_BACK)
    edit.record(EventType.APPROVAL_SENT_BACK, **_decided(request, call, decision))
    reject_call(edit, call, code="sent_back", message=decision.reason)


def expire(edit: Change, request: ApprovalRequest, call: ToolCall) -> None:
    """The time to decide ran out; the call is not made and the LLM is told."""
    edit.set_status(request, ApprovalStatus.EXPIRED)
    edit.record(EventType.APPROVAL_EXPIRED, **named(call), request=request.pk)
    reject_call(edit, call, code="approval_expired", message="Nobody decided in time.")


def withdraw(edit: Change, request: ApprovalRequest, call: ToolCall, reason: str) -> None:
    """The question (or the approval) no longer counts."""
    edit.set_status(request, ApprovalStatus.WITHDRAWN)
    edit.record(EventType.APPROVAL_WITHDRAWN, **named(call), request=request.pk, reason=reason)


def reject_call(edit: Change, call: ToolCall, *, code: str, message: str, rule: str = "", why: str = "") -> None:
    """The call will not be made; code and message are told to the LLM. One in doubt is not made again.

    rule: which one refused it, if one did; why: as everybody may read it who knows of the run.
    """
    if call.in_doubt:
        give_up_in_doubt(edit, call, code=code, message=message)
        return
    edit.set_status(call, ToolCallStatus.REJECTED, settled_at=edit.now, error_code=code, error=message, not_before=None)
    close_step(edit, call, StepStatus.FAILED, code=code, message=message)
    told = {"message": why[:TOLD_LENGTH], "rule": rule} if rule else {}
    edit.record(EventType.TOOL_CALL_REJECTED, **named(call), code=code, **told)


def give_up_in_doubt(edit: Change, call: ToolCall, *, code: str, message: str) -> None:
    """There is no further attempt, and what came of the earlier ones is not known: it was not simply not made."""
    edit.set_status(call, ToolCallStatus.UNKNOWN, not_before=reconcile_at(edit, call), error_code=code, error=message)
    edit.record(EventType.TOOL_CALL_UNKNOWN, **named(call), code=code)


def named(call: ToolCall) -> dict[str, Any]:
    """How events name a call."""
    return {"call": call.pk, "number": call.number, "tool": call.tool}


def _decided(request: ApprovalRequest, call: ToolCall, decision: Decision) -> dict[str, Any]:
    return {**named(call), "request": request.pk, "by": decision.user_name}
