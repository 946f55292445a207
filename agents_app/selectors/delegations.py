"""Who decides in whose place, and who belongs to which group: what the rule on who may decide asks of people."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db.models import Q
from pydantic import Field

from agents_app.models import Delegation
from agents_app.selectors.people import MANAGE_DELEGATIONS
from agents_app.selectors.shapes import Moment, Shape


class DelegationState(StrEnum):
    """How a delegation stands."""

    PLANNED = "planned"
    ACTIVE = "active"
    OVER = "over"
    REVOKED = "revoked"


class DelegationShape(Shape):
    """That somebody decides in somebody's place for a while."""

    id: UUID
    giver: str = Field(description="Whose decisions they are.")
    receiver: str = Field(description="Who decides instead.")
    state: DelegationState
    begins_at: Moment
    ends_at: Moment
    reason: str
    made_by: str
    made_at: Moment
    revoked_by: str | None
    revoked_at: Moment | None


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


def state_of(row: Delegation, now: datetime) -> DelegationState:
    """How it stands at this moment of the database."""
    if row.revoked_at is not None:
        return DelegationState.REVOKED
    if row.ends_at <= now:
        return DelegationState.OVER
    return DelegationState.ACTIVE if row.begins_at <= now else DelegationState.PLANNED


def delegation_as_dict(row: Delegation, now: datetime) -> dict[str, Any]:
    """A delegation as the doors give it."""
    shape = DelegationShape(
        id=row.pk,
        giver=row.giver_name,
        receiver=row.receiver_name,
        state=state_of(row, now),
        begins_at=row.begins_at,
        ends_at=row.ends_at,
        reason=row.reason,
        made_by=row.made_by_name,
        made_at=row.made_at,
        revoked_by=row.revoked_by_name or None,
        revoked_at=row.revoked_at,
    )
    return shape.model_dump(mode="json")


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
