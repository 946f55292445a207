"""May this person decide: the one rule for every door, asked again before the call is made."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.translation import gettext

from agents_app.core.status import YES_VERDICTS, ApprovalStatus, Verdict
from agents_app.gate.objects import has_permission
from agents_app.models import ApprovalRequest
from agents_app.selectors.delegations import Mandate, groups_of, key_of, mandates_of
from agents_app.selectors.people import DECIDE


@dataclass(frozen=True, kw_only=True, slots=True)
class Permission:
    """Whether somebody may decide; if not, which rule forbids it. on_behalf_of: by whose delegation they may."""

    allowed: bool
    rule: str = ""
    reason: str = ""
    on_behalf_of: Mandate | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PutTo:
    """Whom a request is put to at one stage. named: the keys of those who are named; None: nobody has to be."""

    permission: str
    stage_permission: str = ""
    group: str = ""
    named: frozenset[str] | None = None


YES = Permission(allowed=True)


class Decider:
    """A person, with what the rule asks of them: read once, to judge any number of requests at one moment."""

    def __init__(self, user: Any) -> None:
        self.user = user

    @cached_property
    def groups(self) -> frozenset[str]:
        """The names of the groups they are in."""
        return frozenset(groups_of(self.user))

    @cached_property
    def mandates(self) -> tuple[tuple[Mandate, "Decider"], ...]:
        """Those in whose place they may decide now."""
        return tuple((mandate, Decider(mandate.giver)) for mandate in mandates_of(self.user))

    def may_decide(self, request: ApprovalRequest, verdict: Verdict = Verdict.APPROVED) -> Permission:
        """What `may_decide` says of this person."""
        found = self.may_at(request, put_to_now(request))
        if not found.allowed or verdict not in (Verdict.APPROVED, Verdict.EDITED):
            return found
        return _again(self.user, request, found.on_behalf_of, verdict) or found

    def may_at(self, request: ApprovalRequest, put_to: PutTo, *, instead_of: str | None = None) -> Permission:
        """What `may_at` says of this person."""
        if refused := _stranger(self.user):
            return refused
        own = _fits(self, request, put_to)
        if own.allowed or _escalated_to(self, request, put_to.permission):
            return own if own.allowed else YES
        for mandate, giver in self._usable(request) if instead_of != "" else ():
            if instead_of in (None, mandate.key) and _fits(giver, request, put_to).allowed:
                return Permission(allowed=True, on_behalf_of=mandate)
        return own

    def _usable(self, request: ApprovalRequest) -> "list[tuple[Mandate, Decider]]":
        """The delegations that count here; first those of people who have not spoken yet."""
        found = [(mandate, giver) for mandate, giver in self.mandates if not _stranger(giver.user)]
        if request.four_eyes:
            found = [(mandate, giver) for mandate, giver in found if mandate.key != request.requester_key]
        if len(found) < 2:
            return found
        spoken = {*said_yes(request), edited_by(request) if request.four_eyes else None}
        return sorted(found, key=lambda each: each[0].key in spoken)


def may_decide(user: Any, request: ApprovalRequest, verdict: Verdict = Verdict.APPROVED) -> Permission:
    """Asked when a person decides. verdict: approved, edited (a proposal to others), rejected or sent_back.

    To reject or send back is free to all whom the request is put to; to approve, not to the requester or the editor
    under four eyes, nor twice to the same person. Many requests at once are judged by one `Decider`.
    """
    return Decider(user).may_decide(request, verdict)


def may_at(user: Any, request: ApprovalRequest, put_to: PutTo, *, instead_of: str | None = None) -> Permission:
    """Whether it is put to this person: by what they are, or by what somebody is who delegated to them.

    instead_of: the key of the one whose delegation alone counts, "" if none does; None: whichever there is.
    """
    return Decider(user).may_at(request, put_to, instead_of=instead_of)


def by_own_right(user: Any, request: ApprovalRequest, put_to: PutTo) -> Permission:
    """The same, by what this person is alone: not in somebody's stead, and not because nobody else decided in time."""
    return _stranger(user) or _fits(Decider(user), request, put_to)


def _escalated_to(person: Decider, request: ApprovalRequest, permission: str) -> bool:
    """Whether it was passed on to this person, since nobody decided in time. What the tool needs they need as well."""
    if request.escalated_at is None or not (request.escalate_to or request.escalate_to_group):
        return False
    put_to = PutTo(permission=permission, stage_permission=request.escalate_to, group=request.escalate_to_group)
    return _fits(person, request, put_to).allowed


def put_to_now(request: ApprovalRequest) -> PutTo:
    """Whom a request is put to at the stage it is at."""
    named = frozenset(_named(request, request.stage)) if request.named else None
    return PutTo(
        permission=request.permission, stage_permission=request.stage_permission, group=request.group, named=named
    )


def put_to_at(request: ApprovalRequest, stage: int, named: Iterable[str] | None = None) -> PutTo:
    """The same at any of its stages. named: whom its resolver names, if that was asked anew."""
    rule = request.approver_rule.ordered()[stage]
    if rule.resolver and named is None:
        named = _named(request, stage)
    return PutTo(
        permission=request.permission,
        stage_permission=rule.permission or "",
        group=rule.group or "",
        named=frozenset(named or ()) if rule.resolver else None,
    )


def _named(request: ApprovalRequest, stage: int) -> list[str]:
    return [row.person_key for row in request.named_approvers.all() if (row.stage, row.round) == (stage, request.round)]


def _stranger(user: Any) -> Permission | None:
    if user is not None and user.pk is None:
        return Permission(allowed=False, rule="person", reason=gettext("Only a person can decide."))
    if user is None or not user.is_active:
        return Permission(allowed=False, rule="active", reason=gettext("This account is not active."))
    if not user.has_perm(DECIDE):
        reason = gettext("You need the permission %(permission)s.") % {"permission": DECIDE}
        return Permission(allowed=False, rule=DECIDE, reason=reason)
    return None


def _fits(person: Decider, request: ApprovalRequest, put_to: PutTo) -> Permission:
    tool = request.call.tool
    for permission in (put_to.permission, put_to.stage_permission):
        if permission and not has_permission(person.user, permission, request):
            named = {"tool": tool, "permission": permission}
            reason = gettext("Decisions on %(tool)s need the permission %(permission)s.") % named
            return Permission(allowed=False, rule=permission, reason=reason)
    if put_to.group and put_to.group not in person.groups:
        named = {"tool": tool, "group": put_to.group}
        reason = gettext("This decision on %(tool)s is for the group %(group)s.") % named
        return Permission(allowed=False, rule="group", reason=reason)
    if put_to.named is not None and key_of(person.user) not in put_to.named:
        reason = gettext("This decision on %(tool)s is for those who are named for it.") % {"tool": tool}
        return Permission(allowed=False, rule="resolver", reason=reason)
    return YES


def _again(user: Any, request: ApprovalRequest, mandate: Mandate | None, verdict: Verdict) -> Permission | None:
    """What four eyes and earlier decisions say against a yes."""
    mine = key_of(user)
    if request.four_eyes and mine == request.requester_key:
        reason = gettext("You asked for this yourself: somebody else must approve it.")
        return Permission(allowed=False, rule="four_eyes", reason=reason)
    if verdict is Verdict.EDITED or request.status != ApprovalStatus.PENDING:
        return None
    people = {mine, mandate.key if mandate else mine}
    if request.four_eyes and request.round and edited_by(request) in people:
        return Permission(allowed=False, rule="four_eyes", reason=_changed_it(edited_by(request) == mine, mandate))
    if asks_several(request) and said_yes(request) & people:
        return Permission(allowed=False, rule="twice", reason=_said_it(mine in said_yes(request), mandate))
    return None


def _changed_it(oneself: bool, mandate: Mandate | None) -> str:
    if oneself or mandate is None:
        return gettext("You changed the arguments yourself: somebody else must approve them.")
    text = gettext("%(who)s, in whose place you decide, changed the arguments: somebody else must approve them.")
    return text % {"who": mandate.name}


def _said_it(oneself: bool, mandate: Mandate | None) -> str:
    if oneself or mandate is None:
        return gettext("A yes of yours, or one given in your place, is there already: somebody else must say the next.")
    text = gettext("There is a yes of %(who)s already, in whose place you decide: somebody else must say the next.")
    return text % {"who": mandate.name}


def asks_several(request: ApprovalRequest) -> bool:
    """Whether it takes more than one person's yes."""
    return request.quorum > 1 or len((request.approvers or {}).get("stages", ())) > 1


def said_yes(request: ApprovalRequest) -> set[str]:
    """The keys of those who have said yes in this round, and of those in whose place they did."""
    found: set[str] = set()
    for decision in request.decisions.all():
        if decision.round == request.round and decision.verdict in YES_VERDICTS:
            found |= {str(decision.user_id), decision.on_behalf_of_key} - {""}
    return found


def edited_by(request: ApprovalRequest) -> str | None:
    """The key of who gave the call its present arguments; None if the LLM did."""
    found = [
        str(decision.user_id)
        for decision in request.decisions.all()
        if decision.round == request.round and decision.verdict == Verdict.EDITED
    ]
    return found[-1] if found else None
