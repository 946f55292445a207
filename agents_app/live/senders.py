"""Sending news to other processes. Used by the publisher's own thread alone."""

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from channels.layers import get_channel_layer
from django.db import connections

from agents_app.conf import conf
from agents_app.live.news import Changed, Delta, encode
from agents_app.live.partials import Partials
from agents_app.live.way import CHANNEL, LISTENING, Way

CONNECT_SECONDS = 5


class Sender(Protocol):
    """Takes news; may raise whatever its carrier raises."""

    def send(self, news: Sequence[Changed | Delta]) -> bool:
        """Send all of it. Says whether somebody may listen."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def open_sender(way: Way) -> Sender:
    """The sender for one way. Raises what connecting raises."""
    kinds: dict[Way, type[Sender]] = {
        Way.POSTGRES: PostgresSender,
        Way.CHANNELS: ChannelSender,
        Way.POLL: Partials,
    }
    return kinds[way]()


def postgres_parameters() -> dict[str, Any]:
    """How to connect to the runs' database beside Django: a connection of our own, with autocommit."""
    given = connections[conf.DATABASE].get_connection_params()
    ours = {name: value for name, value in given.items() if name not in ("cursor_factory", "context")}
    defaults = {"connect_timeout": CONNECT_SECONDS, "keepalives_idle": 30, "application_name": "agents_app.live"}
    return {**defaults, **ours, "autocommit": True}


NOTIFY = """
WITH listening AS MATERIALIZED (
    SELECT NOT pg_try_advisory_xact_lock(%s, %s) AS somebody, set_config('synchronous_commit', 'off', true)
)
SELECT pg_notify(%s, payload) FROM listening, unnest(%s::text[]) AS payload WHERE listening.somebody
"""
"""Only if somebody listens, so that else nothing is committed; and what tells of rows need not be on the disk."""


class PostgresSender:
    """NOTIFY, outside of everybody's transaction: inside it would take a lock that all commits share."""

    def __init__(self) -> None:
        import psycopg

        self._connection = psycopg.connect(**postgres_parameters())

    def send(self, news: Sequence[Changed | Delta]) -> bool:
        """All in one statement."""
        sent = self._connection.execute(NOTIFY, [*LISTENING, CHANNEL, [encode(one) for one in news]])
        return sent.rowcount > 0

    def close(self) -> None:
        """Also a connection that is broken."""
        self._connection.close()


class ChannelSender:
    """The channel layer. Its connections belong to an event loop: this thread has its own."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()

    def send(self, news: Sequence[Changed | Delta]) -> bool:
        """All in one message."""
        message = {"type": "agents_app.news", "news": [encode(one) for one in news]}
        self._runner.run(asyncio.wait_for(get_channel_layer().group_send(CHANNEL, message), CONNECT_SECONDS))
        return True

    def close(self) -> None:
        """The layer closes what it had opened on the loop."""
        self._runner.close()
