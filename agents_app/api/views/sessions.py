"""Conversations that several runs share."""

from typing import Any

from rest_framework.response import Response

from agents_app.api.filters import SessionFilter
from agents_app.api.openapi import PAGING, operation, page_of
from agents_app.api.view import ApiList, ApiView
from agents_app.selectors.people import visible_sessions
from agents_app.selectors.presentation import session_as_dict
from agents_app.selectors.runs import one_of
from agents_app.selectors.shapes import SessionShape


class Sessions(ApiList):
    """The sessions that one may know of."""

    filterset_class = SessionFilter

    @operation(
        "sessions_list", "List sessions", answer=page_of(SessionShape), errors=[400], parameters=PAGING, filters=True
    )
    def get(self, request: Any) -> Response:
        """The newest first. A session's runs: `/runs/?session_id=…`."""
        return self.page(visible_sessions(request.user), session_as_dict)


class Session(ApiView):
    """One session."""

    @operation("sessions_read", "Read a session", answer=SessionShape, path=["session_id"], errors=[404])
    def get(self, request: Any, session_id: str) -> Response:
        """One session."""
        return Response(session_as_dict(one_of(visible_sessions(request.user), session_id)))
