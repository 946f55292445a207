"""Commands of people who decide: approve (also with other arguments), reject, settle an unknown outcome."""

from collections.abc import Callable, Sequence
from typing import Any

from django.utils.translation import gettext, gettext_noop

from agents_app.core.approval_times import OnExpiry
from agents_app.core.events import EventType
from agents_app.core.status import YES_VERDICTS, ApprovalStatus, ToolCallStatus, Verdict
from agents_app.definitions.registry import tool_now
from agents_app.definitions.validation import at_place
from agents_app.exceptions import (
    AlreadyDecided,
    Expired,
    InvalidInput,
    NotPermitted,
    StaleContext,
    StaleDigest,
    WrongState,
)
from agents_app.gate.approvers import (
    Decider,
    Permission,
    asks_several,
    edited_by,
    may_at,
    may_decide,
    put_to_at,
    said_yes,
)
from agents_app.models import AgentEvent, ApprovalRequest, Decision, ToolCall
from agents_app.selectors.approvers import nobody_because
from agents_app.selectors.delegations import key_of
from agents_app.selectors.one_approval import approval_again, approval_seen_by
from agents_app.selectors.people import SETTLE, lacking, may_settle, visible_calls
from agents_app.selectors.runs import one_of
from agents_app.services import journal
from agents_app.services.edits import edit_of
from agents_app.services.json_values import as_json
from agents_app.services.principals import CODE, Origin, recorded
from agents_app.services.runs import checked_reason
from agents_app.transitions import Change, approvals, calls, change

MOST_TRIES = 5
DECLINED = (Verdict.REJECTED, Verdict.SENT_BACK)
SETTLED = (Verdict.HAPPENED, Verdict.TRY_AGAIN, Verdict.GIVE_UP)
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
    """Allow this exact call, if nobody else has to. digest: of the arguments as they were shown. arguments: others to
    use instead; under four eyes they are a proposal to somebody else.

    The same person repeating the same decision gets the same answer. Raises NotFound, NotPermitted, StaleDigest,
    AlreadyDecided, Expired, WrongState, InvalidArguments.
    """
    return _while_it_moves(lambda: _approve(request_id, by, digest, arguments, reason, origin))


def _approve(
    request_id: Any, by: Any, digest: str, arguments: dict[str, Any] | None, reason: str, origin: Origin
) -> ApprovalRequest:
    request = approval_seen_by(by, request_id)
    permit(by, request, Verdict.REJECTED)
    edited = edit_of(request, arguments)
    wanted = edited.digest if edited else digest
    if wanted == digest:
        edited = None
    still = request.status == ApprovalStatus.PENDING and wanted == request.call.digest
    if edited and still and request.round and edited_by(request) == key_of(by):
        return request  # the same proposal, sent twice
    kinds = (*YES_VERDICTS, Verdict.EDITED) if edited else YES_VERDICTS
    permission = may_decide(by, request, Verdict.EDITED if edited else Verdict.APPROVED)
    if not permission.allowed:
        if permission.rule == "twice" and _decided_so(request, by, kinds, wanted):
            return approval_again(request)
        raise _refused(permission, request)
    proposal = False
    if edited:
        permission = may_at(by, request, put_to_at(request, 0, edited.named.get(0)))
        proposal = request.four_eyes or not permission.allowed
    with change(request.context_id) as edit:
        held, call = _open(edit, request, by, kinds, wanted)
        if held is None or call is None:
            return approval_again(request)
        _same_digest(call, digest)
        decision = _decision(call, held, Verdict.APPROVED, by, reason, origin, edit, shown=digest)
        decision.on_behalf_of_key, decision.on_behalf_of_name = _in_whose_stead(permission)
        if not edited:
            _nobody_spoke_for(held, decision.on_behalf_of_key)
        if edited:
            decision.arguments, decision.arguments_before = edited.fields["arguments"], call.arguments
            decision.digest = edited.digest
            _refuse_in_doubt(call)
            approvals.change_arguments(
                edit, call, decision, held, summary=edited.summary, named=edited.named, **edited.fields
            )
        if proposal:
            approvals.propose(edit, held, decision)
        else:
            approvals.approve(edit, held, call, decision)
        journal.decided(by, decision, edit.context)
    return approval_again(request)


def reject(
    request_id: Any, *, by: Any, reason: str, digest: str | None = None, origin: Origin = CODE
) -> ApprovalRequest:
    """Do not allow the call. The LLM reads the reason. digest: of the arguments as shown, where they were."""
    return _while_it_moves(lambda: _decline(request_id, by, Verdict.REJECTED, reason, digest, origin))


def send_back(
    request_id: Any, *, by: Any, instructions: str, digest: str | None = None, origin: Origin = CODE
) -> ApprovalRequest:
    """Do not allow this call, and say what to do instead: the LLM reads it, and may propose another call.

    digest: of the arguments as shown, where they were. Raises what `reject` raises.
    """
    return _while_it_moves(lambda: _decline(request_id, by, Verdict.SENT_BACK, instructions, digest, origin))


WORDS_NEEDED = {
    Verdict.REJECTED: gettext_noop("Say why: the agent reads the reason and takes it up."),
    Verdict.SENT_BACK: gettext_noop("Say what to do instead: the agent reads it."),
}


def _decline(
    request_id: Any, by: Any, verdict: Verdict, words: str, digest: str | None, origin: Origin
) -> ApprovalRequest:
    request = approval_seen_by(by, request_id)
    permission = permit(by, request, verdict)
    text = checked_reason(words).strip()
    if not text:
        raise InvalidInput(gettext(WORDS_NEEDED[verdict]), code="reason_required")
    with change(request.context_id) as edit:
        held, call = _open(edit, request, by, (verdict,), digest)
        if held is None or call is None:
            return approval_again(request)
        if digest is not None:
            _same_digest(call, digest)
        decision = _decision(call, held, verdict, by, text, origin, edit, shown=digest or call.digest)
        decision.on_behalf_of_key, decision.on_behalf_of_name = _in_whose_stead(permission)
        approvals.decline(edit, held, call, decision)
        journal.decided(by, decision, edit.context)
    return approval_again(request)


def _in_whose_stead(permission: Permission) -> tuple[str, str]:
    mandate = permission.on_behalf_of
    return ("", "") if mandate is None else (mandate.key, mandate.name)


def settle_outcome(
    call_id: Any, verdict: Verdict | str, *, by: Any, result: Any = None, reason: str = "", origin: Origin = CODE
) -> ToolCall:
    """Say what became of a call of unknown outcome: `happened` (with its result), `try_again` or `give_up`.

    result: what the tool would have returned, and fits its return annotation. To give up needs a reason. Raises
    NotFound, NotPermitted, WrongState, and InvalidInput (`result_invalid`, `reason_required`).
    """
    call: ToolCall = one_of(visible_calls(by), call_id)
    if not may_settle(by, call):
        raise lacking(SETTLE)
    word, text = _settling_verdict(verdict), checked_reason(reason).strip()
    value = as_json(result, "The result of a call")
    if call.status == ToolCallStatus.UNKNOWN:
        _check_settling(call, word, value, text)
    with change(call.context_id) as edit:
        held = edit.rows.call(call.pk)
        if held is None or held.status != ToolCallStatus.UNKNOWN:
            raise _why_known(held or call)
        over = edit.context.ended or edit.context.cancel_requested_at is not None
        if word is Verdict.TRY_AGAIN and over:
            raise WrongState(
                gettext("The run has ended or is being cancelled: nothing can be tried again."), code="ended"
            )
        decision = _decision(held, None, word, by, text, origin, edit, shown=held.digest)
        calls.settle_unknown(edit, held, word, result=value, reason=text, by=decision)
        journal.decided(by, decision, edit.context)
    call.refresh_from_db()
    return call


def _check_settling(call: ToolCall, word: Verdict, result: Any, reason: str) -> None:
    """Refuse what says too little or too much of an outcome. Asks the types of the tool's author."""
    if word is Verdict.GIVE_UP and not reason:
        raise InvalidInput(gettext("Say why: the agent reads the reason and takes it up."), code="reason_required")
    if word is not Verdict.HAPPENED:
        if result is not None:
            raise InvalidInput(gettext("Only what happened has a result."), code="result_invalid")
        return
    tool = tool_now(call.context.agent, call.tool)
    wrong = [] if tool is None else tool.result_errors(result)
    if not wrong:
        return
    if result is None:
        text = gettext("Say what %(tool)s returned, or would have: the agent reads it.") % {"tool": call.tool}
    else:
        text = gettext("%(tool)s could not have returned this: %(why)s")
        text %= {"tool": call.tool, "why": "; ".join(at_place(each["path"], each["message"]) for each in wrong)}
    errors = [{**each, "path": ["result", *each["path"]]} for each in wrong]
    raise InvalidInput(text, code="result_invalid", errors=errors)


def _why_known(call: ToolCall) -> WrongState:
    """The error that says since when, and by whom, the outcome of a call is known."""
    made = Decision.objects.filter(call=call, verdict__in=SETTLED).order_by("pk").last()
    told = {} if made is None else {"by": made.user_name, "verdict": made.verdict, "at": made.decided_at.isoformat()}
    status = gettext(ToolCall.objects.get(pk=call.pk).status)
    text = gettext("The outcome of this call is known: it is %(status)s.") % {"status": status}
    if made is not None:
        said = {"who": made.user_name, "verdict": gettext(made.verdict), "at": f"{made.decided_at:%Y-%m-%d %H:%M:%S}"}
        text += " " + gettext("%(who)s said “%(verdict)s” at %(at)s.") % said
    return WrongState(text, code="not_unknown", **told)


def _settling_verdict(verdict: Verdict | str) -> Verdict:
    if verdict not in SETTLED:
        raise InvalidInput(
            gettext("An outcome is settled as one of %(names)s.") % {"names": ", ".join(SETTLED)},
            code="unknown_verdict",
        )
    return Verdict(verdict)


class _Moved(Exception):
    """Since the question of permission was asked the request has gone on to another stage or other arguments."""


def _while_it_moves(decide: Callable[[], ApprovalRequest]) -> ApprovalRequest:
    for _ in range(MOST_TRIES):
        try:
            return decide()
        except _Moved:
            continue
    raise StaleContext(gettext("Others decide on this at the same time; read it again."))


def permit(by: Any, request: ApprovalRequest, verdict: Verdict) -> Permission:
    """The permission of this person to decide so. Raises NotPermitted."""
    permission = may_decide(by, request, verdict)
    if not permission.allowed:
        raise _refused(permission, request)
    return permission


def _refused(permission: Permission, request: ApprovalRequest) -> NotPermitted:
    """Whoever is refused is told, too, that it is no better for anybody else."""
    nobody = nobody_because(request) if request.status == ApprovalStatus.PENDING else ""
    return NotPermitted(" ".join(filter(None, [permission.reason, nobody])), rule=permission.rule)


def _open(
    edit: Change, request: ApprovalRequest, by: Any, kinds: Sequence[Verdict], wanted: str | None
) -> tuple[ApprovalRequest | None, ToolCall | None]:
    """The request and its call under the lock; (None, None) if this person has decided just so before."""
    held = next((row for row in edit.rows.requests if row.pk == request.pk), None)
    call = edit.rows.call(request.call_id)
    if held is None or call is None or held.status != ApprovalStatus.PENDING:
        if not _decided_so(request, by, kinds, wanted):
            raise why_closed(request)
        _still_counts(request)
        return None, None
    if edit.context.ended or edit.context.cancel_requested_at is not None:
        raise WrongState(gettext("The run has ended or is being cancelled."), code="ended")
    waits_on = held.on_expiry == OnExpiry.KEEP_WAITING
    if held.expires_at is not None and held.expires_at <= edit.now and not waits_on:
        raise Expired(gettext("The time to decide ended at %(moment)s.") % {"moment": held.expires_at.isoformat()})
    if (held.stage, held.round) != (request.stage, request.round):
        raise _Moved
    if Verdict.APPROVED in kinds and asks_several(held) and key_of(by) in said_yes(held):
        raise _Moved  # in another tab, at this moment; if it was the same, it is a repetition
    return held, call


def _nobody_spoke_for(held: ApprovalRequest, key: str) -> None:
    if key and asks_several(held) and key in said_yes(held):
        raise _Moved  # they, or somebody else in their stead, at this moment


def _decided_so(request: ApprovalRequest, by: Any, kinds: Sequence[Verdict], wanted: str | None) -> bool:
    """Whether this is a repetition. Who has said yes, or proposed something, is told if somebody else then declined."""
    if by.pk is None:
        return False
    made = Decision.objects.filter(request=request, verdict__in=kinds, user_id=by.pk).order_by("pk").last()
    if made is None or wanted not in (None, made.digest):
        return False
    return not Decision.objects.filter(request=request, verdict__in=DECLINED).exclude(pk=made.pk).exists()


def _still_counts(request: ApprovalRequest) -> None:
    """Whoever says yes again learns that their yes does not count any more."""
    now = ApprovalRequest.objects.get(pk=request.pk)
    if now.status != ApprovalStatus.WITHDRAWN:
        return
    told = AgentEvent.objects.filter(context_id=now.context_id, type=EventType.APPROVAL_WITHDRAWN)
    said = (event.data for event in told.order_by("-sequence"))
    reason = next((data.get("reason") for data in said if data.get("request") == str(now.pk)), "")
    raise WrongState(
        gettext("Your decision was recorded, but this request was withdrawn since: %(reason)s") % {"reason": reason},
        code="not_pending",
    )


def why_closed(request: ApprovalRequest) -> WrongState:
    """The error that says how a request that is no longer open was closed."""
    request = ApprovalRequest.objects.get(pk=request.pk)
    made = Decision.objects.filter(request=request, verdict__in=FINAL).first()
    if made is not None:
        said = {"verdict": gettext(made.verdict), "at": f"{made.decided_at:%Y-%m-%d %H:%M:%S}"}
        text = gettext("%(who)s %(verdict)s this at %(at)s.") % {"who": made.user_name, **said}
        return AlreadyDecided(text, by=made.user_name, verdict=made.verdict, at=made.decided_at)
    if request.status == ApprovalStatus.EXPIRED:
        return Expired(gettext("The time to decide is over."))
    return WrongState(
        gettext("This request is %(status)s: it is no longer open.") % {"status": gettext(request.status)},
        code="not_pending",
    )


def _same_digest(call: ToolCall, shown: str) -> None:
    if shown != call.digest:
        raise StaleDigest()


def _refuse_in_doubt(call: ToolCall) -> None:
    if call.in_doubt:
        text = gettext(
            "An earlier attempt at this call may have taken effect: it can be approved or rejected, not edited."
        )
        raise WrongState(text, code="in_doubt")


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


__all__ = ["Decider", "approve", "may_decide", "permit", "reject", "send_back", "settle_outcome", "why_closed"]
