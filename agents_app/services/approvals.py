"""Commands of people who decide: approve (also with other arguments), reject, settle an unknown outcome."""

import json
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from agents_app.core.approval_times import OnExpiry
from agents_app.core.canonical import digest, sha256_of
from agents_app.core.status import ApprovalStatus, ToolCallStatus, Verdict
from agents_app.definitions.registry import registry
from agents_app.definitions.tool_spec import ToolSpec
from agents_app.exceptions import (
    AlreadyDecided,
    Expired,
    InvalidInput,
    NotPermitted,
    StaleDigest,
    WrongState,
)
from agents_app.gate.approvers import may_decide
from agents_app.gate.dispatch import full_text
from agents_app.models import ApprovalRequest, Decision, ToolCall
from agents_app.models.sealing import HIDDEN, seal
from agents_app.selectors.people import SETTLE, may_settle, visible_approvals, visible_calls
from agents_app.selectors.runs import one_of
from agents_app.services.json_values import as_json
from agents_app.services.principals import CODE, Origin, recorded
from agents_app.services.runs import checked_reason
from agents_app.transitions import Change, approvals, calls, change

FINAL = (Verdict.APPROVED, Verdict.REJECTED, Verdict.SENT_BACK)


def approve(
    request_id: Any,
    *,
    by: Any,
    digest: str,
    arguments: dict[str, Any] | None = None,
    reason: str = "",
    origin: Origin = CODE,
) -> ApprovalRequest:
    """Allow this exact call. digest: of the arguments as they were shown. arguments: others to use instead.

    The same person repeating the same decision gets the same answer. Raises NotFound, NotPermitted, StaleDigest,
    AlreadyDecided, Expired, WrongState, InvalidArguments.
    """
    request = _decidable(request_id, by)
    edited = _edited(request, arguments)
    with change(request.context_id) as edit:
        held, call = _open(edit, request, by, Verdict.APPROVED, edited["digest"] if edited else digest)
        if held is None or call is None:
            return _again(request)
        _same_digest(call, digest)
        decision = _decision(call, held, Verdict.APPROVED, by, reason, origin, edit, shown=digest)
        if edited and edited["digest"] != call.digest:
            decision.arguments, decision.arguments_before = edited["arguments"], call.arguments
            decision.digest = edited["digest"]
            _refuse_in_doubt(call)
            approvals.change_arguments(edit, call, decision, held, **edited)
        approvals.approve(edit, held, call, decision)
    return _again(request)


def reject(
    request_id: Any, *, by: Any, reason: str, digest: str | None = None, origin: Origin = CODE
) -> ApprovalRequest:
    """Do not allow the call. The LLM reads the reason. digest: of the arguments as shown, where they were."""
    request = _decidable(request_id, by)
    text = checked_reason(reason).strip()
    if not text:
        raise InvalidInput("Say why: the agent reads the reason and takes it up.", code="reason_required")
    with change(request.context_id) as edit:
        held, call = _open(edit, request, by, Verdict.REJECTED, digest)
        if held is None or call is None:
            return _again(request)
        if digest is not None:
            _same_digest(call, digest)
        decision = _decision(call, held, Verdict.REJECTED, by, text, origin, edit, shown=digest or call.digest)
        approvals.reject(edit, held, call, decision)
    return _again(request)


def send_back(
    request_id: Any, *, by: Any, instructions: str, digest: str | None = None, origin: Origin = CODE
) -> ApprovalRequest:
    """Do not allow this call, and say what to do instead: the LLM reads it, and may propose another call.

    digest: of the arguments as shown, where they were. Raises what `reject` raises.
    """
    request = _decidable(request_id, by)
    text = checked_reason(instructions).strip()
    if not text:
        raise InvalidInput("Say what to do instead: the agent reads it.", code="reason_required")
    with change(request.context_id) as edit:
        held, call = _open(edit, request, by, Verdict.SENT_BACK, digest)
        if held is None or call is None:
            return _again(request)
        if digest is not None:
            _same_digest(call, digest)
        decision = _decision(call, held, Verdict.SENT_BACK, by, text, origin, edit, shown=digest or call.digest)
        approvals.send_back(edit, held, call, decision)
    return _again(request)


def settle_outcome(
    call_id: Any, verdict: Verdict | str, *, by: Any, result: Any = None, reason: str = "", origin: Origin = CODE
) -> ToolCall:
    """Say what became of a call of unknown outcome: `happened` (with its result), `try_again` or `give_up`."""
    call: ToolCall = one_of(visible_calls(by), call_id)
    if not may_settle(by, call):
        raise NotPermitted(f"This needs the permission {SETTLE}.")
    word, value = _settling_verdict(verdict), as_json(result, "The result of a call")
    with change(call.context_id) as edit:
        held = edit.rows.call(call.pk)
        if held is None or held.status != ToolCallStatus.UNKNOWN:
            raise WrongState(f"The outcome of this call is known: it is {(held or call).status}.", code="not_unknown")
        over = edit.context.ended or edit.context.cancel_requested_at is not None
        if word is Verdict.TRY_AGAIN and over:
            raise WrongState("The run has ended or is being cancelled: nothing can be tried again.", code="ended")
        text = checked_reason(reason)
        decision = _decision(held, None, word, by, text, origin, edit, shown=held.digest)
        calls.settle_unknown(edit, held, word, result=value, reason=text, by=decision)
    call.refresh_from_db()
    return call


def _settling_verdict(verdict: Verdict | str) -> Verdict:
    allowed = (Verdict.HAPPENED, Verdict.TRY_AGAIN, Verdict.GIVE_UP)
    if verdict not in allowed:
        raise InvalidInput(f"An outcome is settled as one of {', '.join(allowed)}.", code="unknown_verdict")
    return Verdict(verdict)


def _decidable(request_id: Any, by: Any) -> ApprovalRequest:
    request: ApprovalRequest = one_of(visible_approvals(by), request_id)
    permission = may_decide(by, request)
    if not permission.allowed:
        raise NotPermitted(permission.reason, rule=permission.rule)
    return request


def _open(
    edit: Change, request: ApprovalRequest, by: Any, verdict: Verdict, shown: str | None
) -> tuple[ApprovalRequest | None, ToolCall | None]:
    """The request and its call under the lock; (None, None) if this person has decided just so before."""
    held = next((row for row in edit.rows.requests if row.pk == request.pk), None)
    call = edit.rows.call(request.call_id)
    if held is None or call is None or held.status != ApprovalStatus.PENDING:
        if _decided_so(request, by, verdict, shown):
            return None, None
        raise _why_closed(request)
    if edit.context.ended or edit.context.cancel_requested_at is not None:
        raise WrongState("The run has ended or is being cancelled.", code="ended")
    waits_on = held.on_expiry == OnExpiry.KEEP_WAITING
    if held.expires_at is not None and held.expires_at <= edit.now and not waits_on:
        raise Expired(f"The time to decide ended at {held.expires_at.isoformat()}.")
    return held, call


def _decided_so(request: ApprovalRequest, by: Any, verdict: Verdict, shown: str | None) -> bool:
    made = Decision.objects.filter(request=request, verdict=verdict, user_id=by.pk).first()
    return made is not None and by.pk is not None and shown in (None, made.digest)


def _why_closed(request: ApprovalRequest) -> WrongState:
    request = ApprovalRequest.objects.get(pk=request.pk)
    made = Decision.objects.filter(request=request, verdict__in=FINAL).first()
    if made is not None:
        text = f"{made.user_name} {made.verdict} this at {made.decided_at:%Y-%m-%d %H:%M:%S}."
        return AlreadyDecided(text, by=made.user_name, verdict=made.verdict, at=made.decided_at)
    if request.status == ApprovalStatus.EXPIRED:
        return Expired("The time to decide is over.")
    return WrongState(f"This request is {request.status}: it is no longer open.", code="not_pending")


def _same_digest(call: ToolCall, shown: str) -> None:
    if shown != call.digest:
        raise StaleDigest()


def _refuse_in_doubt(call: ToolCall) -> None:
    if call.in_doubt:
        text = "An earlier attempt at this call may have taken effect: it can be approved or rejected, not edited."
        raise WrongState(text, code="in_doubt")


def _edited(request: ApprovalRequest, arguments: dict[str, Any] | None) -> dict[str, Any] | None:
    """The new texts and digest of an edit; None without one. Raises InvalidArguments."""
    if arguments is None:
        return None
    call = request.call
    tool = tool_of(request)
    if tool.schema_hash != call.schema_hash:
        raise StaleDigest("The tool has changed since the call was proposed: approve it as it is, or reject it.")
    text = tool.text(tool.validate(_with_what_is_hidden(tool, call, arguments)))
    return stored_arguments(tool, text, digest(call.context_id, call.pk, call.tool, call.schema_hash, text))


def _with_what_is_hidden(tool: ToolSpec, call: ToolCall, arguments: dict[str, Any]) -> dict[str, Any]:
    """A sensitive argument that comes back as `***` stays what it is: who may not see it may still edit the others."""
    kept = [name for name in tool.sensitive if arguments.get(name) == HIDDEN]
    if not kept or not call.sealed:
        return arguments
    try:
        stored = json.loads(full_text(call))
    except ImproperlyConfigured as error:
        raise WrongState(f"The hidden arguments cannot be opened: {error}", code="key_lost") from error
    return {**arguments, **{name: stored[name] for name in kept}}


def tool_of(request: ApprovalRequest) -> ToolSpec:
    """The tool that a request is about, as the code declares it now. Raises WrongState if it is gone."""
    definition = registry.get(request.context.agent)
    tool = definition.tools.get(request.call.tool)
    if tool is None:
        raise WrongState(f"The agent {definition.name} has no tool {request.call.tool} any more.", code="unknown_tool")
    return tool


def stored_arguments(tool: ToolSpec, text: str, of: str) -> dict[str, Any]:
    """How a call keeps its arguments: masked text, sealed full text where something is hidden, hash and digest."""
    return {
        "arguments": tool.masked(text),
        "sealed": seal(text) if tool.sensitive else "",
        "arguments_hash": sha256_of(text),
        "digest": of,
    }


def _decision(
    call: ToolCall,
    request: ApprovalRequest | None,
    verdict: Verdict,
    by: Any,
    reason: str,
    origin: Origin,
    edit: Change,
    *,
    shown: str,
) -> Decision:
    return Decision(
        call=call,
        request=request,
        verdict=verdict,
        door=origin.door,
        address=origin.address,
        reason=checked_reason(reason),
        digest_shown=shown,
        digest=call.digest,
        decided_at=edit.now,
        **recorded(by),
    )


def _again(request: ApprovalRequest) -> ApprovalRequest:
    return ApprovalRequest.objects.select_related("call", "context", "context__details").get(pk=request.pk)


__all__ = ["approve", "may_decide", "reject", "send_back", "settle_outcome", "stored_arguments", "tool_of"]
