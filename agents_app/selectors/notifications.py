"""What people were to be told, and who may know."""

from typing import Any
from uuid import UUID

from pydantic import Field

from agents_app.models import ChannelState, Notification, NotificationState
from agents_app.selectors.people import name_of, not_hidden
from agents_app.selectors.shapes import Moment, Shape

VIEW_NOTIFICATION = "agents_app.view_notification"
RELEASE_NOTIFICATION = "agents_app.release_notification"


class NotificationShape(Shape):
    """That somebody is, was or could not be told of something."""

    id: UUID
    run: UUID
    kind: str = Field(description="The type of the event that it tells of.")
    channel: str
    to: str | None = Field(description="The name of the user; null on a channel that speaks to a place.")
    state: NotificationState
    state_at: Moment
    due_at: Moment
    attempts: int
    error: str = Field(description="What the last try came to, or why nothing is sent.")


def notification_as_dict(row: Notification) -> dict[str, Any]:
    """A notification as the doors give it."""
    shape = NotificationShape(
        id=row.pk,
        run=row.context_id,
        kind=row.kind,
        channel=row.channel,
        to=name_of(row.recipient) or None,
        state=NotificationState(row.state),
        state_at=row.state_at,
        due_at=row.due_at,
        attempts=row.attempts,
        error=row.error,
    )
    return shape.model_dump(mode="json")


def may_view_notifications(user: Any) -> bool:
    """Whether this person may know who was told of what, and which channels fail."""
    return bool(user.is_active and (user.has_perm(VIEW_NOTIFICATION) or user.has_perm(RELEASE_NOTIFICATION)))


def may_release_notifications(user: Any) -> bool:
    """Whether this person may let parked notifications be sent again."""
    return bool(user.is_active and user.has_perm(RELEASE_NOTIFICATION))


def visible_notifications(user: Any) -> Any:
    """The notifications this person may know of (a queryset)."""
    rows = Notification.objects.select_related("request", "context")
    rows = rows.prefetch_related("recipient")  # where users are in another database, a join finds nobody
    return not_hidden(rows, user, "context__") if may_view_notifications(user) else rows.none()


def visible_channels(user: Any) -> Any:
    """How the channels stand, for those who may know (a queryset)."""
    return ChannelState.objects.all() if may_view_notifications(user) else ChannelState.objects.none()
