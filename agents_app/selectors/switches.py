"""What is switched off, and who may see and change it; policies, too."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from pydantic import Field

from agents_app.models import ApprovalPolicy, KillSwitch
from agents_app.selectors.people import DECIDE, VIEW_RUN
from agents_app.selectors.shapes import Moment, Shape

STOP = "agents_app.stop_agents"
VIEW_SWITCH = "agents_app.view_killswitch"
VIEW_POLICY = "agents_app.view_approvalpolicy"
ADD_POLICY = "agents_app.add_approvalpolicy"
CHANGE_POLICY = "agents_app.change_approvalpolicy"
DELETE_POLICY = "agents_app.delete_approvalpolicy"


class SwitchShape(Shape):
    """A kill switch that is, or was, thrown. `agent` and `tool` are empty where it is about all of them."""

    id: UUID
    agent: str
    tool: str
    off: bool = Field(description="Whether it still holds.")
    reason: str
    off_by: str
    off_at: Moment
    on_by: str | None
    on_at: Moment | None
    on_reason: str | None


class PolicyShape(Shape):
    """A policy that staff keep."""

    id: UUID
    name: str
    agent: str
    tool: str
    conditions: list[dict[str, Any]] = Field(description="Of `path`, `operator`, `value` and, with [*], `items`.")
    answer: str
    reason: str
    approvers: dict[str, Any] | None
    priority: int
    active: bool
    valid_from: Moment | None
    valid_until: Moment | None
    made_by: str
    updated_by: str
    updated_at: Moment


def may_stop(user: Any) -> bool:
    """Whether this person may switch agents and tools off and on."""
    return bool(user.is_active and user.has_perm(STOP))


def may_view_switches(user: Any) -> bool:
    """Whether this person may see what is switched off: who watches runs, decides or stops must know."""
    return bool(user.is_active and any(user.has_perm(each) for each in (VIEW_SWITCH, STOP, VIEW_RUN, DECIDE)))


def visible_switches(user: Any) -> "QuerySet[KillSwitch]":
    """Those that hold first, then the newest."""
    rows = KillSwitch.objects.order_by("on_at", "-off_at", "-pk")
    return rows if may_view_switches(user) else rows.none()


def may_view_policies(user: Any) -> bool:
    """Whether this person may read policies."""
    return bool(user.is_active and (user.has_perm(VIEW_POLICY) or user.has_perm(CHANGE_POLICY)))


def visible_policies(user: Any) -> "QuerySet[ApprovalPolicy]":
    """By name."""
    rows = ApprovalPolicy.objects.order_by("name")
    return rows if may_view_policies(user) else rows.none()


def switch_as_dict(row: KillSwitch) -> dict[str, Any]:
    """A switch as the doors give it."""
    shape = SwitchShape(
        id=row.pk,
        agent=row.agent,
        tool=row.tool,
        off=row.on_at is None,
        reason=row.reason,
        off_by=row.off_by,
        off_at=row.off_at,
        on_by=row.on_by or None,
        on_at=row.on_at,
        on_reason=row.on_reason or None,
    )
    return shape.model_dump(mode="json")


def policy_as_dict(row: ApprovalPolicy) -> dict[str, Any]:
    """A policy as the doors give it."""
    shape = PolicyShape(
        id=row.pk,
        name=row.name,
        agent=row.agent,
        tool=row.tool,
        conditions=row.conditions if isinstance(row.conditions, list) else [],
        answer=row.answer,
        reason=row.reason,
        approvers=row.approvers if isinstance(row.approvers, dict) else None,
        priority=row.priority,
        active=row.active,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        made_by=row.made_by,
        updated_by=row.updated_by,
        updated_at=row.updated_at,
    )
    return shape.model_dump(mode="json")
