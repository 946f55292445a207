"""Hearing of news on an event loop. An ear is opened before anything is read, so that nothing falls between."""

import asyncio
import sqlite3
import threading
from collections.abc import Sequence
from typing import Any, Protocol

from channels.layers import get_channel_layer
from django.db import connections

from agents_app.conf import conf
from agents_app.live.news import Look, News, decode
from agents_app.live.senders import CONNECT_SECONDS, postgres_parameters
from agents_app.live.way import CHANNEL, LISTENING, Way


class Ear(Protocol):
    """Hears what other processes send; may raise whatever its carrier raises."""

    async def open(self) -> None:
        """Listen from now on."""
        ...

    async def hear(self, timeout: float) -> Sequence[News]:  # noqa: ASYNC109 (silence is an answer, not an error)
        """Wait for news, at most `timeout` seconds."""
        ...

    async def check(self) -> None:
        """Raises if nothing would be heard any more."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


def new_ear(way: Way) -> Ear:
    """An ear for one way, not opened yet."""
    kinds: dict[Way, type[Ear]] = {Way.POSTGRES: PostgresEar, Way.CHANNELS: ChannelEar, Way.POLL: PollEar}
    return kinds[way]()


class PostgresEar:
    """LISTEN, on a connection of our own."""

    _connection: Any = None

    async def open(self) -> None:
        import psycopg
        from psycopg import sql

        self._connection = await psycopg.AsyncConnection.connect(**postgres_parameters())
        await self._connection.execute("SELECT pg_advisory_lock_shared(%s, %s)", LISTENING)
        await self._connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))

    async def hear(self, timeout: float) -> Sequence[News]:  # noqa: ASYNC109
        return [decode(one.payload) async for one in self._connection.notifies(timeout=timeout, stop_after=1)]

    async def check(self) -> None:
        # A connection that was cut off without a word looks like silence.
        async with asyncio.timeout(CONNECT_SECONDS):
            await self._connection.execute("SELECT 1")

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()


class ChannelEar:
    """A member of the channel layer's group."""

    _layer: Any = None
    _channel = ""
    _next: "asyncio.Future[dict[str, Any]] | None" = None

    async def open(self) -> None:
        self._layer = get_channel_layer()
        self._channel = await self._layer.new_channel("agents_app.")
        await self._layer.group_add(CHANNEL, self._channel)

    async def hear(self, timeout: float) -> Sequence[News]:  # noqa: ASYNC109
        # Kept over a timeout: some layers take a cancelled receive for the end of the channel.
        if self._next is None:
            self._next = asyncio.ensure_future(self._layer.receive(self._channel))
        done, _ = await asyncio.wait([self._next], timeout=timeout)
        if not done:
            return []
        message, self._next = self._next.result(), None
        return [decode(text) for text in message.get("news", [])]

    async def check(self) -> None:
        """The layer looks after its own connections."""

    async def close(self) -> None:
        if self._next is not None:
            self._next.cancel()
            await asyncio.gather(self._next, return_exceptions=True)
        if self._channel:
            await self._layer.group_discard(CHANNEL, self._channel)


class PollEar:
    """Says `Look` at regular times; with SQLite only if another connection has changed the file."""

    _file: "_WatchedFile | None" = None
    _seen: int | None = None

    async def open(self) -> None:
        connection: Any = connections[conf.DATABASE]
        if connection.vendor == "sqlite" and not connection.is_in_memory_db():
            self._file = await asyncio.to_thread(_WatchedFile, connection.get_connection_params()["database"])

    async def hear(self, timeout: float) -> Sequence[News]:  # noqa: ASYNC109
        await asyncio.sleep(min(timeout, conf.LIVE_POLL_SECONDS))
        return [Look()] if await self._changed() else []

    async def check(self) -> None:
        """Nothing to hear is lost here."""

    async def close(self) -> None:
        if self._file is not None:
            await asyncio.to_thread(self._file.close)

    async def _changed(self) -> bool:
        if self._file is None:
            return True
        seen = await asyncio.to_thread(self._file.version)
        changed, self._seen = seen != self._seen, seen
        return changed


class _WatchedFile:
    """A connection to an SQLite file that many threads use, one at a time: closed in the midst of a statement, which
    happens when a waiting reader is cancelled, it would take the process with it."""

    def __init__(self, name: str) -> None:
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = sqlite3.connect(
            name, timeout=0.2, uri=True, check_same_thread=False, isolation_level=None
        )

    def version(self) -> int | None:
        """A number that changes when another connection has committed; None once it is closed."""
        with self._lock:
            if self._connection is None:
                return None
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        """When nobody is at it."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()
