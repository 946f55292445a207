"""An address at which there is no websocket."""

import pytest
from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from django.urls import re_path

from agents_app.ws.routing import not_found, websocket_urlpatterns
from project.asgi import application
from tests.ws.clients import HOST, SOON, Client

ROUTER = AuthMiddlewareStack(URLRouter([*websocket_urlpatterns, re_path("", not_found)]))


@pytest.mark.asyncio
@pytest.mark.parametrize("serving", [ROUTER, application], ids=["as-documented", "demo"])
@pytest.mark.parametrize("path", ["/", "/ws/", "/ws/unknown/", "/ws/approvals", "/ws/runs/"])
async def test_an_unknown_address_is_closed_as_not_found(db: None, serving: object, path: str) -> None:
    client = Client(serving, path, headers=[HOST])
    accepted, _ = await client.connect(timeout=SOON)
    assert accepted, "browsers read the code of an accepted websocket only"
    assert await client.closed_with() == 4404


@pytest.mark.asyncio
async def test_who_is_gone_before_is_told_nothing(db: None) -> None:
    sent: list[object] = []

    async def receive() -> dict[str, str]:
        return {"type": "websocket.disconnect"}

    async def send(message: object) -> None:
        sent.append(message)

    await not_found({"type": "websocket"}, receive, send)
    assert sent == []
