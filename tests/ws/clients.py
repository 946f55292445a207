"""Websocket clients of the tests."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.test import Client as Browser

from agents_app.ws.routing import websocket_urlpatterns

SOON = 30.0
application = AuthMiddlewareStack(URLRouter(websocket_urlpatterns))
HOST = (b"host", b"testserver")


class Client(WebsocketCommunicator):
    """A websocket that speaks frames."""

    async def frame(self) -> dict[str, Any]:
        """The next frame; fails if the server closes."""
        return dict(await self.receive_json_from(timeout=SOON))

    async def frames_until(self, sequence: int) -> list[dict[str, Any]]:
        """All frames up to the event with this number."""
        frames = [await self.frame()]
        while frames[-1].get("sequence", 0) < sequence:
            frames.append(await self.frame())
        return frames

    async def events_until(self, sequence: int) -> list[int]:
        """The numbers of the events up to this one, as they come."""
        return [frame["sequence"] for frame in await self.frames_until(sequence) if frame["type"] == "event"]

    async def command(self, name: str, **fields: Any) -> dict[str, Any]:
        """Send a command; its reply. What comes before the reply is skipped."""
        await self.send_json_to({"type": "command", "id": f"c-{name}", "name": name, **fields})
        return await self.reply()

    async def reply(self) -> dict[str, Any]:
        while (frame := await self.frame())["type"] != "reply":
            pass
        return frame

    async def closed_with(self) -> int:
        """The code with which the server closes; what comes before is skipped."""
        while True:
            output = await self.receive_output(timeout=SOON)
            if output["type"] == "websocket.close":
                assert type(output["code"]) is int, "daphne takes no subclass of int"
                return output["code"]


def headers_of(*, user: Any = None, origin: str = "") -> list[tuple[bytes, bytes]]:
    """What a browser of this user sends. Makes a session."""
    headers = [HOST]
    if user is not None:
        browser = Browser()
        browser.force_login(user)
        headers.append((b"cookie", f"sessionid={browser.cookies['sessionid'].value}".encode()))
    if origin:
        headers.append((b"origin", origin.encode()))
    return headers


@asynccontextmanager
async def connected(path: str, headers: list[tuple[bytes, bytes]] | None = None) -> AsyncIterator[Client]:
    """A client that is accepted (and perhaps closed at once), and gone at the end."""
    client = Client(application, path, headers=headers or [HOST])
    client.scope["client"] = ["192.0.2.7", 4711]
    accepted, _ = await client.connect(timeout=SOON)
    assert accepted
    try:
        yield client
    finally:
        await client.disconnect(timeout=SOON)


class Deaf:
    """A server whose client does not take what is sent, until it `reads`."""

    def __init__(self, path: str, headers: list[tuple[bytes, bytes]], after: int) -> None:
        route = path.partition("?")
        self.scope = {
            "type": "websocket",
            "path": route[0],
            "query_string": route[2].encode(),
            "headers": headers,
            "subprotocols": [],
        }
        self.sent: list[dict[str, Any]] = []
        self.closed = asyncio.Event()
        self.stuck = asyncio.Event()
        self.reads = asyncio.Event()
        self._takes = after
        self._received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.send":
            if self._takes <= 0:
                self.stuck.set()
                await self.reads.wait()
            self._takes -= 1
        self.sent.append(message)
        if message["type"] == "websocket.close":
            self.closed.set()

    @asynccontextmanager
    async def connected(self) -> AsyncIterator["Deaf"]:
        await self._received.put({"type": "websocket.connect"})
        task = asyncio.create_task(application(self.scope, self._received.get, self.send))
        try:
            yield self
        finally:
            await self._received.put({"type": "websocket.disconnect", "code": 1006})
            await asyncio.wait_for(task, SOON)

    @property
    def events(self) -> list[int]:
        frames = [json.loads(message["text"]) for message in self.sent if message["type"] == "websocket.send"]
        return [frame["sequence"] for frame in frames if frame["type"] == "event"]
