"""What waits for whom: the rule on who may decide (`gate/approvers.py`) as conditions on rows, so that lists and counts
of any length take one query. A test holds both to the same answers."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from agents_app.core.status import YES_VERDICTS, ApprovalStatus, Verdict
from agents_app.models import ApprovalRequest, Decision, NamedApprover
from agents_app.selectors.delegations import groups_of, key_of, mandates_of
from agents_app.selectors.people import DECIDE, pending_approvals


class Tab(StrEnum):
    """A part of the inbox."""

    MINE = "mine"
    GROUPS = "groups"
    ALL = "all"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rights:
    """What one person holds, by the tables of Django's own users. permissions: None for all of them (superusers)."""

    key: str
    permissions: frozenset[str] | None
    groups: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """The inbox of one person, asked of any number of times: who they are is looked up once (`desk_of`).

    groups: whose members they are. rights: None for who may not decide at all. givers: those who delegated to them.
    objects: requests that they may decide by permissions on objects, which no query can tell.
    """

    user: Any
    groups: tuple[str, ...]
    rights: Rights | None
    givers: tuple[Rights, ...] = ()
    objects: frozenset[Any] = field(default=frozenset())

    def rows(self, tab: Tab) -> "QuerySet[ApprovalRequest]":
        """What waits in this part, what is due first at the top."""
        rows: QuerySet[ApprovalRequest] = pending_approvals(self.user)
        return rows.filter(self.within(tab))

    def within(self, tab: Tab) -> Q:
        """The condition on requests that they wait in this part."""
        waits = Q(status=ApprovalStatus.PENDING)
        if tab is Tab.MINE:
            return waits & self.approvable() & Q(claimed_by_key__in=["", key_of(self.user)])
        return waits & self._of_groups() if tab is Tab.GROUPS else waits

    def decidable(self) -> Q:
        """What this person may reject at least: put to them by what they are, by escalation or by delegation."""
        return self._put_to_me() if self.rights is not None else Q(pk__in=())

    def approvable(self) -> Q:
        """What this person may approve, too: not their own under four eyes, nothing that they changed or agreed to."""
        if self.rights is None:
            return Q(pk__in=())
        mine = self.rights.key
        return self._put_to_me(approving=True) & ~Q(four_eyes=True, requester_key=mine) & _unspoken(mine)

    def _put_to_me(self, *, approving: bool = False) -> Q:
        assert self.rights is not None
        found = _fits(self.rights) | _escalated(self.rights)
        for giver in self.givers:
            theirs = _fits(giver) & ~Q(four_eyes=True, requester_key=giver.key)
            found |= theirs & _unspoken(giver.key) if approving else theirs
        return found | Q(pk__in=self.objects) if self.objects else found

    def _of_groups(self) -> Q:
        return Q(group__in=self.groups) | Q(escalated_at__isnull=False, escalate_to_group__in=self.groups)


def rights_of(user: Any) -> Rights | None:
    """What somebody holds; None for who may not decide at all: the inactive, the system, those without permission."""
    if not key_of(user) or not user.is_active or not user.has_perm(DECIDE):
        return None
    everything = getattr(user, "is_superuser", False)
    permissions = None if everything else frozenset(user.get_all_permissions())
    return Rights(key=key_of(user), permissions=permissions, groups=frozenset(groups_of(user)))


def desk_of(user: Any) -> Desk:
    """The inbox of this person. Takes no query per request, and a few for each person who delegated to them."""
    rights = rights_of(user)
    found = [rights_of(mandate.giver) for mandate in mandates_of(user)] if rights is not None else []
    givers = tuple(each for each in found if each is not None)
    groups = tuple(groups_of(user)) if rights is None else tuple(sorted(rights.groups))
    return Desk(user=user, groups=groups, rights=rights, givers=givers)


def waiting_for(user: Any) -> "QuerySet[ApprovalRequest]":
    """What this person may approve and nobody else has taken on, what is due first at the top."""
    return desk_of(user).rows(Tab.MINE)


def _fits(rights: Rights) -> Q:
    found = _holds(rights, "permission") & _holds(rights, "stage_permission") & Q(group__in=["", *rights.groups])
    named = NamedApprover.objects.filter(
        request=OuterRef("pk"), stage=OuterRef("stage"), round=OuterRef("round"), person_key=rights.key
    )
    return found & (Q(named=False) | Q(Exists(named)))


def _escalated(rights: Rights) -> Q:
    to_somebody = ~Q(escalate_to="", escalate_to_group="")
    fits = _holds(rights, "permission") & _holds(rights, "escalate_to")
    return Q(escalated_at__isnull=False) & to_somebody & fits & Q(escalate_to_group__in=["", *rights.groups])


def _holds(rights: Rights, column: str) -> Q:
    return Q() if rights.permissions is None else Q(**{f"{column}__in": ["", *sorted(rights.permissions)]})


def _unspoken(key: str) -> Q:
    """That this person has not said yes, nor anybody in their place; nor changed the arguments, under four eyes."""
    # What waits though somebody has said yes waits for a second one, or at a later stage; and an edit begins a round.
    # Said first, so that decisions are looked up of these alone: a database would read all of them once instead.
    nobody_yet = Q(quorum=1, stage=0)
    said_yes = _decided(Q(user_id=key) | Q(on_behalf_of_key=key), verdict__in=YES_VERDICTS)
    unchanged = Q(four_eyes=False) | Q(round=0)
    return (nobody_yet | ~said_yes) & (unchanged | ~_decided(verdict=Verdict.EDITED, user_id=key))


def _decided(*conditions: Q, **fields: Any) -> Q:
    """That there is such a decision on the request's present arguments."""
    made = Decision.objects.filter(*conditions, request=OuterRef("pk"), round=OuterRef("round"), **fields)
    return Q(Exists(made))
