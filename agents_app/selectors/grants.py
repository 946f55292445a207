"""Standing grants: who may know of them, and how the doors give them."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from pydantic import Field

from agents_app.core.conditions import MASK, VALUELESS, conditions_of, stored_conditions
from agents_app.core.grants import GrantScope, GrantState
from agents_app.core.json_paths import parse_path
from agents_app.exceptions import InvalidInput
from agents_app.models import StandingGrant, ToolCall, database_now
from agents_app.selectors.delegations import key_of
from agents_app.selectors.people import DECIDE, may_view_sensitive
from agents_app.selectors.shapes import Moment, Shape

ADD_GRANT = "agents_app.add_standinggrant"
VIEW_GRANT = "agents_app.view_standinggrant"
REVOKE_GRANT = "agents_app.revoke_standinggrant"


class GrantShape(Shape):
    """A standing grant: calls of a tool that somebody allows from now on."""

    id: UUID
    agent: str
    tool: str
    scope: GrantScope = Field(description="It counts in runs of this session, of this user, or in all of the agent.")
    session: UUID | None
    user: str | None = Field(description="The name of the user whose runs they are, where that is the scope.")
    state: GrantState
    conditions: list[dict[str, Any]] = Field(description="All must hold; none: whatever the arguments are.")
    uses: int = Field(description="How many calls it has allowed.")
    uses_left: int | None = Field(description="null: as many as wanted.")
    last_used_at: Moment | None
    expires_at: Moment | None = Field(description="null: never.")
    reason: str
    owner: str = Field(description="The name of who allows it. It counts while they could approve such a call.")
    made_at: Moment
    request: UUID = Field(description="The approval request that it was made from.")
    run: UUID
    revoked_at: Moment | None
    revoked_by: str | None
    revoked_reason: str | None


def may_view_grants(user: Any) -> bool:
    """Whether this person may know of all standing grants: who decides must know what is not asked any more."""
    return bool(user.is_active and any(user.has_perm(each) for each in (VIEW_GRANT, REVOKE_GRANT, DECIDE)))


def may_revoke(user: Any, grant: StandingGrant) -> bool:
    """Whether this person may end it: its owner, and who may end those of others."""
    mine = key_of(user)
    return bool(user.is_active and ((mine and mine == grant.owner_key) or user.has_perm(REVOKE_GRANT)))


def visible_grants(user: Any) -> "QuerySet[StandingGrant]":
    """The newest first. One's own are there for everybody."""
    rows = StandingGrant.objects.order_by("-id")
    if not user.is_active:
        return rows.none()
    return rows if may_view_grants(user) else rows.filter(~Q(owner_key=""), owner_key=key_of(user))


def grant_of(call: ToolCall) -> StandingGrant | None:
    """The grant that allowed a call's last start; None if none did, or it is not here (any more)."""
    return None if call.grant_id is None else StandingGrant.objects.filter(pk=call.grant_id).first()


def grant_as_dict(row: StandingGrant, viewer: Any, sensitive: Iterable[str] = ()) -> dict[str, Any]:
    """A grant as the doors give it. sensitive: the tool's parameters whose values not everybody may see."""
    hidden = () if may_view_sensitive(viewer) else tuple(sensitive)
    shape = GrantShape(
        id=row.pk,
        agent=row.agent,
        tool=row.tool,
        scope=GrantScope(row.scope),
        session=row.session_id,
        user=row.user_name or None,
        state=row.state_at(database_now()),
        conditions=_conditions(row, hidden),
        uses=row.uses,
        uses_left=row.uses_left,
        last_used_at=row.last_used_at,
        expires_at=row.expires_at,
        reason=row.reason,
        owner=row.owner_name,
        made_at=row.made_at,
        request=row.request_key,
        run=row.run_key,
        revoked_at=row.revoked_at,
        revoked_by=row.revoked_by_name or None,
        revoked_reason=row.revoked_reason or None,
    )
    return shape.model_dump(mode="json")


def described_conditions(row: StandingGrant, sensitive: Iterable[str] = ()) -> list[str]:
    """Its conditions for people, one sentence each; the values of these parameters are hidden."""
    try:
        return [condition.described(sensitive=sensitive) for condition in conditions_of(row.conditions)]
    except InvalidInput as error:
        return [f"They cannot be read: {error.message}"]


def _conditions(row: StandingGrant, hidden: tuple[str, ...]) -> list[dict[str, Any]]:
    try:
        found = conditions_of(row.conditions)
    except InvalidInput:
        return []
    stored = stored_conditions(found)
    for condition, values in zip(found, stored, strict=True):
        if parse_path(condition.path)[0] in hidden and condition.operator not in VALUELESS:
            values["value"] = MASK
    return stored
