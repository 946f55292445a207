"""An ASGI application that passes what NOTIFY says on to one websocket, and nothing else: the floor of `live`."""

import os
from typing import Any

import psycopg


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Every notification is a frame."""
    if scope["type"] != "websocket":
        return
    await receive()
    async with await psycopg.AsyncConnection.connect(os.environ["BENCH_DATABASE"], autocommit=True) as connection:
        await connection.execute("LISTEN bare")
        await send({"type": "websocket.accept"})
        async for news in connection.notifies():
            await send({"type": "websocket.send", "text": news.payload})
