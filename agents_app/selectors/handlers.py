"""How far event handlers have come, and who may know."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db.models import Count

from agents_app.core.events import RecordedEvent
from agents_app.core.subscriptions import Subscription, subscriptions
from agents_app.models import AgentContext, AgentEvent, EventCursor, EventHandler

VIEW_CURSOR = "agents_app.view_eventcursor"
CONTROL_CURSOR = "agents_app.control_eventcursor"


class CursorState(StrEnum):
    """How a handler stands with one run: derived, not stored."""

    PARKED = "parked"
    FAILING = "failing"
    WAITING = "waiting"
    DONE = "done"


def state_of(cursor: EventCursor) -> CursorState:
    """`waiting`: there is something that it has not heard of; `failing`: its last try failed, or is being made."""
    if cursor.parked_at is not None:
        return CursorState.PARKED
    if cursor.wanted <= cursor.sequence:
        return CursorState.DONE
    return CursorState.FAILING if cursor.error else CursorState.WAITING


@dataclass(frozen=True, kw_only=True, slots=True)
class HandlerState:
    """One handler over all runs. `known`: the code here has it; `since`: events before are not for it, None for none;
    `seen`: whether any process registered it yet; `waiting` and `parked`: runs."""

    name: str
    known: bool
    seen: bool
    since: datetime | None
    waiting: int
    parked: int


def events_for(subscription: Subscription, run_id: UUID, after: int, limit: int) -> list[RecordedEvent]:
    """The events of a run after this number that are for the handler, in order."""
    agent = AgentContext.objects.filter(pk=run_id).values_list("agent", flat=True).first()
    if agent is None or (subscription.agents is not None and agent not in subscription.agents):
        return []
    rows = AgentEvent.objects.filter(context_id=run_id, sequence__gt=after, type__in=subscription.types)
    since = EventHandler.objects.filter(name=subscription.handler).values_list("since", flat=True).first()
    if since is not None:
        rows = rows.filter(at__gte=since)
    return [
        RecordedEvent(run_id=run_id, agent=agent, sequence=row.sequence, type=row.type, at=row.at, data=row.data)
        for row in rows.order_by("sequence")[:limit]
    ]


def next_event(cursor: EventCursor) -> RecordedEvent | None:
    """The event that the handler is told next; None if there is none, or if the code here does not know it."""
    if cursor.handler not in subscriptions.names():
        return None
    return next(iter(events_for(subscriptions.get(cursor.handler), cursor.context_id, cursor.sequence, 1)), None)


def handler_states() -> list[HandlerState]:
    """All handlers that the code or the rows know, by name."""
    rows = {row.name: row for row in EventHandler.objects.all()}
    waiting, parked = _counts(EventCursor.objects.ready()), _counts(EventCursor.objects.parked())
    known = set(subscriptions.names())
    return [
        HandlerState(
            name=name,
            known=name in known,
            seen=name in rows,
            since=rows[name].since if name in rows else None,
            waiting=waiting.get(name, 0),
            parked=parked.get(name, 0),
        )
        for name in sorted(known | rows.keys() | waiting.keys() | parked.keys())
    ]


def handler_names() -> list[str]:
    """All handlers that the code knows, or that a process registered some time."""
    return sorted(set(subscriptions.names()) | set(EventHandler.objects.values_list("name", flat=True)))


def _counts(cursors: Any) -> dict[str, int]:
    return dict(cursors.order_by().values_list("handler").annotate(count=Count("pk")))


def visible_cursors(user: Any) -> Any:
    """The cursors this person may know of (a queryset)."""
    rows = EventCursor.objects.select_related("context")
    return rows if may_view_cursors(user) else rows.none()


def may_view_cursors(user: Any) -> bool:
    """Whether this person may know how far event handlers have come."""
    return bool(user.is_active and (user.has_perm(VIEW_CURSOR) or user.has_perm(CONTROL_CURSOR)))


def may_control_cursors(user: Any) -> bool:
    """Whether this person may let parked handlers go on."""
    return bool(user.is_active and user.has_perm(CONTROL_CURSOR))
