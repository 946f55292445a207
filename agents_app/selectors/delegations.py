"""Who decides in whose place, and who belongs to which group: what the rule on who may decide asks of people."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q

from agents_app.models import Delegation
from agents_app.selectors.people import MANAGE_DELEGATIONS


@dataclass(frozen=True, kw_only=True, slots=True)
class Mandate:
    """An active delegation to somebody, with the person it is from."""

    key: str
    name: str
    giver: Any


def key_of(user: Any) -> str:
    """How rows keep a person besides their name; empty for nobody and for the system."""
    pk = getattr(user, "pk", None)
    return "" if pk is None else str(pk)


def user_of_key(key: str) -> Any:
    """The person with this key, as of now; None if they are gone."""
    return get_user_model()._base_manager.filter(pk=key).first() if key else None


def groups_of(user: Any) -> list[str]:
    """The names of the groups that a person is in."""
    groups = getattr(user, "groups", None)
    return [] if groups is None else sorted(groups.values_list("name", flat=True))


def visible_delegations(user: Any) -> Any:
    """The delegations that this person may know of (a queryset): from them, to them, and all for who manages them."""
    rows = Delegation.objects.all()
    if not user.is_active:
        return rows.none()
    mine = key_of(user)
    return rows if user.has_perm(MANAGE_DELEGATIONS) else rows.filter(Q(giver_key=mine) | Q(receiver_key=mine))


def mandates_of(user: Any) -> list[Mandate]:
    """Those in whose place this person may decide now. Only a person's own rights pass on: no chains."""
    mine = key_of(user)
    if not mine:
        return []
    active = Delegation.objects.active().filter(receiver_key=mine).order_by("pk")
    people = dict(active.values_list("giver_key", "giver_name"))
    users = get_user_model()._base_manager.filter(pk__in=list(people)) if people else ()
    return [Mandate(key=key_of(giver), name=people[key_of(giver)], giver=giver) for giver in users]
