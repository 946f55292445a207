"""Questions about calls, and what people answer."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from agents_app.conf import conf
from agents_app.core.approval_times import BY_SETTINGS, ApprovalTimes
from agents_app.core.approver_rules import Approvers, Asked, Named
from agents_app.core.events import EventType
from agents_app.core.status import ApprovalStatus, StepStatus, ToolCallStatus, Verdict
from agents_app.models import ApprovalRequest, Decision, NamedApprover, ToolCall
from agents_app.models.requester import requester_of
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
    asked: Asked,
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
        permission=asked.permission,
        risk=asked.risk,
        supersedes=supersedes,
        approvers=asked.approvers.as_json(),
        four_eyes=bool(asked.approvers.four_eyes),
        **requester_of(edit.context),
        **at_stage(asked.approvers, 0),
    )
    put_times(request, times, edit.now)
    edit.add(request)
    name_approvers(edit, request, asked.named)
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
    """A person said yes. If nobody else has to, the call may start while the approval is valid."""
    decision.stage, decision.round = request.stage, request.round
    if _endorsed(edit, request, call, decision):
        return
    edit.add(decision)
    valid = conf.APPROVAL_VALID_SECONDS if request.valid_seconds is None else request.valid_seconds
    valid_until = edit.now + timedelta(seconds=valid)
    edit.set_status(request, ApprovalStatus.APPROVED, valid_until=valid_until, digest=decision.digest)
    edit.set_status(call, ToolCallStatus.READY)
    edit.record(EventType.APPROVAL_APPROVED, **_decided(request, call, decision))


def _endorsed(edit: Change, request: ApprovalRequest, call: ToolCall, decision: Decision) -> bool:
    """Whether others must say yes, too: at this stage, or at the next, which then begins."""
    rule = request.approver_rule
    stages, have = len(rule.ordered()), 1
    if request.quorum > 1:
        said = Decision.objects.filter(request=request, round=request.round, stage=request.stage)
        have += said.filter(verdict=Verdict.ENDORSED).count()
    if have >= request.quorum and request.stage + 1 >= stages:
        return False
    decision.verdict = Verdict.ENDORSED
    edit.add(decision)
    counted = {"stage": request.stage + 1, "stages": stages, "have": have, "quorum": request.quorum}
    edit.record(EventType.APPROVAL_ENDORSED, **_decided(request, call, decision), **counted)
    moved = at_stage(rule, request.stage + 1) if have >= request.quorum else {}
    edit.set_fields(request, **moved, **UNCLAIMED)
    return True


def change_arguments(
    edit: Change,
    call: ToolCall,
    decision: Decision,
    request: ApprovalRequest,
    *,
    summary: str,
    named: Named,
    **new: Any,
) -> None:
    """A person changed the arguments (new: arguments, sealed, arguments_hash, digest): who said yes did so to others.

    summary and named: what will happen now, and whom the resolvers name for it.
    """
    before = call.proposed_arguments or call.arguments
    edit.set_fields(call, edited=True, proposed_arguments=before, **new)
    first = at_stage(request.approver_rule, 0)
    edit.set_fields(request, digest=call.digest, summary=summary, round=request.round + 1, **first)
    name_approvers(edit, request, named)
    edit.record(EventType.APPROVAL_EDITED, **_decided(request, call, decision))


def propose(edit: Change, request: ApprovalRequest, decision: Decision) -> None:
    """The arguments that a person changed wait for somebody else's yes."""
    decision.verdict, decision.stage, decision.round = Verdict.EDITED, request.stage, request.round
    edit.add(decision)
    edit.set_fields(request, **UNCLAIMED)


def at_stage(rule: Approvers, number: int) -> dict[str, Any]:
    """What a request's row says of whom it is put to at a stage of the rule."""
    stage = rule.ordered()[number]
    return {
        "stage": number,
        "quorum": stage.quorum,
        "stage_permission": stage.permission or "",
        "group": stage.group or "",
        "named": bool(stage.resolver),
    }


def name_approvers(edit: Change, request: ApprovalRequest, named: Named) -> None:
    """Write down whom resolvers name for the request's present arguments."""
    for stage, people in named.items():
        for key, name in people.items():
            edit.add(NamedApprover(request=request, stage=stage, round=request.round, person_key=key, person_name=name))


UNCLAIMED: Mapping[str, Any] = {"claimed_by_key": "", "claimed_by_name": "", "claimed_at": None}


def claim(edit: Change, request: ApprovalRequest, call: ToolCall, *, key: str, name: str) -> None:
    """A person takes it on."""
    edit.set_fields(request, claimed_by_key=key, claimed_by_name=name, claimed_at=edit.now)
    edit.record(EventType.APPROVAL_CLAIMED, **named(call), request=request.pk, by=name)


def release(edit: Change, request: ApprovalRequest, call: ToolCall, *, by: str) -> None:
    """It is nobody's any more."""
    edit.set_fields(request, **UNCLAIMED)
    edit.record(EventType.APPROVAL_RELEASED, **named(call), request=request.pk, by=by)


def reassign(edit: Change, request: ApprovalRequest, call: ToolCall, *, key: str, name: str, by: str) -> None:
    """It is handed to somebody."""
    edit.set_fields(request, claimed_by_key=key, claimed_by_name=name, claimed_at=edit.now)
    edit.record(EventType.APPROVAL_REASSIGNED, **named(call), request=request.pk, by=by, to=name)


DECLINED = {
    Verdict.REJECTED: (ApprovalStatus.REJECTED, EventType.APPROVAL_REJECTED),
    Verdict.SENT_BACK: (ApprovalStatus.SENT_BACK, EventType.APPROVAL_SENT_BACK),
}


def decline(edit: Change, request: ApprovalRequest, call: ToolCall, decision: Decision) -> None:
    """A person said no, or gave it back with instructions; the LLM reads their words."""
    status, event = DECLINED[Verdict(decision.verdict)]
    decision.stage, decision.round = request.stage, request.round
    edit.add(decision)
    edit.set_status(request, status)
    edit.record(event, **_decided(request, call, decision))
    reject_call(edit, call, code=status, message=decision.reason)


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
    instead = {"on_behalf_of": decision.on_behalf_of_name} if decision.on_behalf_of_name else {}
    return {**named(call), "request": request.pk, "by": decision.user_name, **instead}
