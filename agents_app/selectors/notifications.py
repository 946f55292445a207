"""What people were to be told, and who may know."""

from typing import Any

from agents_app.models import ChannelState, Notification
from agents_app.selectors.people import not_hidden

VIEW_NOTIFICATION = "agents_app.view_notification"
RELEASE_NOTIFICATION = "agents_app.release_notification"


def may_view_notifications(user: Any) -> bool:
    """Whether this person may know who was told of what, and which channels fail."""
    return bool(user.is_active and (user.has_perm(VIEW_NOTIFICATION) or user.has_perm(RELEASE_NOTIFICATION)))


def may_release_notifications(user: Any) -> bool:
    """Whether this person may let parked notifications be sent again."""
    return bool(user.is_active and user.has_perm(RELEASE_NOTIFICATION))


def visible_notifications(user: Any) -> Any:
    """The notifications this person may know of (a queryset)."""
    rows = Notification.objects.select_related("request", "context", "recipient")
    return not_hidden(rows, user, "context__") if may_view_notifications(user) else rows.none()


def visible_channels(user: Any) -> Any:
    """How the channels stand, for those who may know (a queryset)."""
    return ChannelState.objects.all() if may_view_notifications(user) else ChannelState.objects.none()
