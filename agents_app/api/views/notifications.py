"""When one is told."""

from typing import Any

from pydantic import Field
from rest_framework.response import Response

from agents_app.api.bodies import SetPreference
from agents_app.api.idempotency import once
from agents_app.api.openapi import all_of, operation
from agents_app.api.parsing import body_of
from agents_app.api.view import ApiView
from agents_app.models import Mode
from agents_app.selectors.shapes import Shape
from agents_app.services import set_preferences
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


def _shown(user: Any) -> list[dict[str, Any]]:
    return [
        PreferenceShape(channel=each.channel, mode=each.mode, modes=list(each.modes)).model_dump(mode="json")
        for each in own_preferences(user)
    ]
