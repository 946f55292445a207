"""Commands on who looks after a request: claim, release, reassign. A claim is a sign to others and bars nobody."""

from typing import Any

from django.utils.translation import gettext

from agents_app.core.status import ApprovalStatus, Verdict
from agents_app.exceptions import NotPermitted, WrongState
from agents_app.gate.approvers import may_decide
from agents_app.models import ApprovalRequest, ToolCall
from agents_app.selectors.delegations import key_of
from agents_app.selectors.one_approval import approval_again, approval_seen_by
from agents_app.selectors.people import hidden_from, name_of
from agents_app.services.approvals import permit, why_closed
from agents_app.services.journal import noted
from agents_app.services.principals import the_person
from agents_app.transitions import Change, approvals, change

REASSIGN = "agents_app.reassign_approvalrequest"


def claim_request(request_id: Any, *, by: Any) -> ApprovalRequest:
    """Take a request on. Others may still decide. Raises NotFound, NotPermitted, WrongState (`claimed`: by whom)."""
    request = approval_seen_by(by, request_id)
    permit(by, request, Verdict.REJECTED)
    with change(request.context_id) as edit:
        held, call = _pending(edit, request)
        if held.claimed_by_key not in ("", key_of(by)):
            text = gettext("%(who)s has taken this on.") % {"who": held.claimed_by_name}
            raise WrongState(text, code="claimed", by=held.claimed_by_name)
        if not held.claimed_by_key:
            approvals.claim(edit, held, call, key=key_of(by), name=name_of(by))
            noted(by, held, "claimed")
    return approval_again(request)


def release_request(request_id: Any, *, by: Any) -> ApprovalRequest:
    """Give a request back: who claimed it, or somebody with `reassign_approvalrequest`."""
    request = approval_seen_by(by, request_id)
    with change(request.context_id) as edit:
        held, call = _pending(edit, request)
        if held.claimed_by_key:
            _in_charge(by, held)
            approvals.release(edit, held, call, by=name_of(by))
            noted(by, held, "released")
    return approval_again(request)


def reassign_request(request_id: Any, *, to: Any, by: Any) -> ApprovalRequest:
    """Hand a request to somebody (a person or their name) who may decide on it.

    One that others have claimed needs `reassign_approvalrequest`. Raises NotFound, NotPermitted (also if `to` may not
    decide), WrongState, and InvalidInput for a name that nobody has.
    """
    request = approval_seen_by(by, request_id)
    if not by.has_perm(REASSIGN):
        permit(by, request, Verdict.REJECTED)
    to = the_person(to)
    theirs = may_decide(to, request)
    if not theirs.allowed or hidden_from(to, request.context):
        reason = theirs.reason or gettext("You may not see it.")
        raise NotPermitted(
            gettext("%(who)s may not approve this, and would be told: “%(reason)s”")
            % {"who": name_of(to), "reason": reason},
            rule=theirs.rule or "hidden",
        )
    with change(request.context_id) as edit:
        held, call = _pending(edit, request)
        if held.claimed_by_key:
            _in_charge(by, held)
        if held.claimed_by_key != key_of(to):
            approvals.reassign(edit, held, call, key=key_of(to), name=name_of(to), by=name_of(by))
            noted(by, held, f"handed over to {name_of(to)}")
    return approval_again(request)


def may_hand_over(by: Any, request: ApprovalRequest, *, decides: bool) -> bool:
    """Whether this person may hand an open request to somebody else. decides: whether they may reject it."""
    return (by.is_active and by.has_perm(REASSIGN)) or (decides and request.claimed_by_key in ("", key_of(by)))


def may_release(by: Any, request: ApprovalRequest) -> bool:
    """Whether this person may give back an open request that somebody has taken on."""
    mine = request.claimed_by_key == key_of(by)
    return bool(request.claimed_by_key and (mine or (by.is_active and by.has_perm(REASSIGN))))


def _in_charge(by: Any, held: ApprovalRequest) -> None:
    if held.claimed_by_key != key_of(by) and not (by.is_active and by.has_perm(REASSIGN)):
        text = gettext("%(who)s has taken this on; to take it away needs the permission %(permission)s.")
        text %= {"who": held.claimed_by_name, "permission": REASSIGN}
        raise NotPermitted(text, rule="claimed")


def _pending(edit: Change, request: ApprovalRequest) -> tuple[ApprovalRequest, ToolCall]:
    held = next((row for row in edit.rows.requests if row.pk == request.pk), None)
    call = edit.rows.call(request.call_id)
    if held is None or call is None or held.status != ApprovalStatus.PENDING:
        raise why_closed(request)
    return held, call
