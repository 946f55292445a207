"""Logging in to a websocket without a cookie."""

from typing import Any

from rest_framework.response import Response

from agents_app.api.bodies import Nothing, TicketShape
from agents_app.api.openapi import operation
from agents_app.api.parsing import body_of
from agents_app.api.view import ApiView
from agents_app.conf import conf
from agents_app.live.tickets import issue_ticket


class Tickets(ApiView):
    """Websocket tickets."""

    @operation(
        "tickets_issue", "Issue a websocket ticket", body=Nothing, answer=TicketShape, status=201, idempotent=False
    )
    def post(self, request: Any) -> Response:
        """A signed ticket of short life: connect with `?ticket=…`."""
        body_of(request.data, Nothing)
        ticket = issue_ticket(request.user)
        response = Response({"ticket": ticket, "expires_in": conf.TICKET_SECONDS}, status=201)
        response["Cache-Control"] = "no-store"
        return response
