"""What is remembered: who may know of it, and how the doors give it.

A person sees what is remembered of them, but for what was marked as the staff's own. Staff see all by `view_memory`.
"""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from pydantic import BaseModel, ConfigDict, Field

from agents_app.core.memory import MemoryAct, MemoryKind, MemoryOrigin, Standing, Visibility, trusted
from agents_app.models import Entity, Fact, MemoryChange, WorkingMemory, database_now
from agents_app.selectors.shapes import Moment, Shape

VIEW_MEMORY = "agents_app.view_memory"
CHANGE_MEMORY = "agents_app.change_memory"


class _Given(BaseModel):
    """What stands in an export."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RememberedShape(_Given):
    """What all that is remembered has in common."""

    id: UUID
    user: str | None = Field(description="The name of the user whose it is; null for a session without one.")
    session: UUID | None = Field(description="The session that it is kept for alone; null: for all of the user's.")
    visibility: Visibility
    agent: str | None = Field(description="The agent whose run wrote it.")
    origin: MemoryOrigin
    origin_detail: str | None = Field(description="The tool in whose result it was read.")
    trusted: bool = Field(description="False: it is quoted to LLMs as data that gives no orders.")
    by: str | None = Field(description="The person who wrote it, if one did.")
    run: UUID | None
    step: int | None
    state: Standing
    created_at: Moment
    updated_at: Moment


class FactShape(RememberedShape, Shape):
    """A fact that agents remember."""

    key: str
    text: str
    confidence: float
    valid_from: Moment | None
    valid_until: Moment | None
    superseded_by: UUID | None


class EntityShape(RememberedShape, Shape):
    """A person or thing that agents remember."""

    type: str
    name: str
    attributes: dict[str, Any]
    aliases: list[str]
    merged_into: UUID | None


class WorkingMemoryShape(Shape):
    """The document that the runs of a session share."""

    session: UUID
    user: str | None
    agent: str | None
    document: dict[str, Any]
    version: int
    origin: MemoryOrigin
    updated_at: Moment


class MemoryChangeShape(Shape):
    """One change of what is remembered."""

    id: UUID
    kind: MemoryKind
    row: UUID = Field(description="The fact or entity; the session of a working memory.")
    act: MemoryAct
    at: Moment
    by: str | None
    agent: str | None
    run: UUID | None
    step: int | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str


def may_view_memory(user: Any) -> bool:
    """Whether this person may know of what is remembered of others."""
    return bool(user.is_active and (user.has_perm(VIEW_MEMORY) or user.has_perm(CHANGE_MEMORY)))


def may_change_memory(user: Any) -> bool:
    """Whether this person may correct and delete what is remembered of others."""
    return bool(user.is_active and user.has_perm(CHANGE_MEMORY))


def is_own(user: Any, row: Any) -> bool:
    """Whether it is remembered of this very person."""
    return user.pk is not None and row.user_key == str(user.pk)


def visible_facts(user: Any) -> "QuerySet[Fact]":
    """The newest first."""
    rows: QuerySet[Fact] = _visible(Fact.objects.select_related("session"), user)
    return rows


def visible_entities(user: Any) -> "QuerySet[Entity]":
    """The newest first."""
    rows: QuerySet[Entity] = _visible(Entity.objects.select_related("session"), user)
    return rows


def visible_working_memories(user: Any) -> "QuerySet[WorkingMemory]":
    """Those of sessions whose memory this person may know of."""
    rows = WorkingMemory.objects.select_related("session").order_by("-updated_at", "pk")
    if may_view_memory(user):
        return rows
    return rows.filter(user_key=str(user.pk)) if user.is_active and user.pk is not None else rows.none()


def history_of(row: Any) -> "QuerySet[MemoryChange]":
    """What was done to a fact, an entity or a working memory, the newest first."""
    return MemoryChange.objects.filter(row_key=row.pk, user_key=row.user_key).order_by("-id")


def visible_changes(user: Any) -> "QuerySet[MemoryChange]":
    """The history of all memory, for those who may see all; the newest first."""
    rows = MemoryChange.objects.order_by("-id")
    return rows if may_view_memory(user) else rows.none()


def _visible(rows: Any, user: Any) -> Any:
    rows = rows.order_by("-id")
    if may_view_memory(user):
        return rows
    if not user.is_active or user.pk is None:
        return rows.none()
    return rows.filter(user_key=str(user.pk)).exclude(visibility=Visibility.STAFF)


def fact_as_dict(row: Fact) -> dict[str, Any]:
    """A fact as the doors give it."""
    shape = FactShape(
        **_common(row),
        key=row.key,
        text=row.text,
        confidence=row.confidence,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        superseded_by=row.superseded_by_id,
    )
    return shape.model_dump(mode="json")


def entity_as_dict(row: Entity) -> dict[str, Any]:
    """An entity as the doors give it."""
    shape = EntityShape(
        **_common(row),
        type=row.type,
        name=row.name,
        attributes=row.attributes,
        aliases=row.aliases,
        merged_into=row.merged_into_id,
    )
    return shape.model_dump(mode="json")


def working_as_dict(row: WorkingMemory) -> dict[str, Any]:
    """A working memory as the doors give it."""
    shape = WorkingMemoryShape(
        session=row.pk,
        user=row.user_name or None,
        agent=row.agent or None,
        document=row.document,
        version=row.version,
        origin=MemoryOrigin(row.origin),
        updated_at=row.updated_at,
    )
    return shape.model_dump(mode="json")


def change_as_dict(row: MemoryChange, *, whole: bool = True) -> dict[str, Any]:
    """A change as the doors give it. whole: with what was for the staff alone before or after it."""
    shape = MemoryChangeShape(
        id=row.pk,
        kind=MemoryKind(row.kind),
        row=row.row_key,
        act=MemoryAct(row.act),
        at=row.at,
        by=row.by_name or None,
        agent=row.agent or None,
        run=row.run_key,
        step=row.step,
        before=_seen(row.before, whole),
        after=_seen(row.after, whole),
        reason=row.reason,
    )
    return shape.model_dump(mode="json")


def _seen(values: dict[str, Any] | None, whole: bool) -> dict[str, Any] | None:
    return None if not whole and values is not None and values.get("visibility") == Visibility.STAFF else values


def _common(row: Fact | Entity) -> dict[str, Any]:
    return {
        "id": row.pk,
        "user": row.user_name or None,
        "session": row.session_id,
        "visibility": Visibility(row.visibility),
        "agent": row.agent or None,
        "origin": MemoryOrigin(row.origin),
        "origin_detail": row.origin_detail or None,
        "trusted": trusted(row.origin),
        "by": row.by_name or None,
        "run": row.run_key,
        "step": row.step,
        "state": row.standing_at(database_now()),
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }
