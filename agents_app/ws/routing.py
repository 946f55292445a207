"""The addresses of the websockets, for the project's `asgi.py`."""

from typing import Any

from django.urls import path

from agents_app.ws.consumers import ApprovalsSocket, RunSocket
from agents_app.ws.sockets import CloseCode

websocket_urlpatterns = [
    path("ws/runs/<str:run_id>/", RunSocket.as_asgi()),
    path("ws/approvals/", ApprovalsSocket.as_asgi()),
]


async def _not_found(scope: Any, receive: Any, send: Any) -> None:
    if (await receive())["type"] == "websocket.connect":
        # Accepted before it is refused: otherwise browsers cannot read the code.
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": int(CloseCode.NOT_FOUND)})


not_found: Any = _not_found  # as what as_asgi() gives: to the types of re_path() it is no view
"""The last route, `re_path("", not_found)`: closes with 4404. Without it Channels answers with an error of 500."""
