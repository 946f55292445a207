"""The addresses of the websockets, for the project's `asgi.py`."""

from django.urls import path

from agents_app.ws.consumers import ApprovalsSocket, RunSocket

websocket_urlpatterns = [
    path("ws/runs/<str:run_id>/", RunSocket.as_asgi()),
    path("ws/approvals/", ApprovalsSocket.as_asgi()),
]
