"""When one is told, and what people were told."""

from typing import Any

from pydantic import Field
from rest_framework.response import Response

from agents_app.api.bodies import Nothing, SetPreference
from agents_app.api.filters import NotificationFilter
from agents_app.api.idempotency import once
from agents_app.api.openapi import PAGING, all_of, operation, page_of
from agents_app.api.parsing import body_of
from agents_app.api.view import ApiList, ApiView
from agents_app.models import Mode
from agents_app.selectors.notifications import (
    VIEW_NOTIFICATION,
    NotificationShape,
    may_view_notifications,
    notification_as_dict,
    visible_notifications,
)
from agents_app.selectors.people import lacking
from agents_app.selectors.shapes import Shape
from agents_app.services import release_notification, set_preferences
from agents_app.services.notifications import own_preferences


class PreferenceShape(Shape):
    """When one is told on a channel."""

    channel: str
    mode: Mode
    modes: list[Mode] = Field(description="What one may choose from.")


class Preferences(ApiView):
    """One's own preferences."""

    @operation("notification_preferences_list", "List own notification preferences", answer=all_of(PreferenceShape))
    def get(self, request: Any) -> Response:
        """When you are told, by channel."""
        return Response({"results": _shown(request.user)})

    @operation(
        "notification_preferences_set",
        "Set an own notification preference",
        body=SetPreference,
        answer=all_of(PreferenceShape),
    )
    def post(self, request: Any) -> Response:
        """Say when you want to be told on one channel. The answer is all of your preferences."""
        body = body_of(request.data, SetPreference)

        def act() -> dict[str, Any]:
            set_preferences({body.channel: body.mode}, by=request.user)
            return {"results": _shown(request.user)}

        return once(request, 200, act)


class Notifications(ApiList):
    """What people were to be told."""

    filterset_class = NotificationFilter

    @operation(
        "notifications_list",
        "List notifications",
        answer=page_of(NotificationShape),
        errors=[400],
        parameters=PAGING,
        filters=True,
    )
    def get(self, request: Any) -> Response:
        """The newest first; `state=parked` are those that failed. Needs the permission agents_app.view_notification."""
        if not may_view_notifications(request.user):
            raise lacking(VIEW_NOTIFICATION)
        return self.page(visible_notifications(request.user), notification_as_dict)


class ReleaseNotification(ApiView):
    """Let one be sent again."""

    @operation(
        "notifications_release",
        "Release a parked notification",
        body=Nothing,
        answer=NotificationShape,
        path=["notification_id"],
        errors=[404, 409],
    )
    def post(self, request: Any, notification_id: str) -> Response:
        """It is sent again at once. Needs the permission agents_app.release_notification."""
        body_of(request.data, Nothing)
        return once(request, 200, lambda: notification_as_dict(release_notification(notification_id, by=request.user)))


def _shown(user: Any) -> list[dict[str, Any]]:
    return [
        PreferenceShape(channel=each.channel, mode=each.mode, modes=list(each.modes)).model_dump(mode="json")
        for each in own_preferences(user)
    ]
