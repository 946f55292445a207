"""Do live clients learn of news?"""

import asyncio
from collections.abc import Iterator
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

from agents_app.live.way import Way, way
from agents_app.management.doctor.findings import Finding, broken, ok, warning

SUBJECT = "live"
SECONDS = 5.0
MEANINGS = {
    Way.POSTGRES: "PostgreSQL tells all processes of news",
    Way.CHANNELS: "the channel layer tells all processes of news",
    Way.POLL: "readers look for news by themselves",
}


def examine_live() -> Iterator[Finding]:
    """The way by which news travels, and a round trip through the channel layer if there is one."""
    found = way()
    yield ok(SUBJECT, MEANINGS[found])
    layer: Any = get_channel_layer()
    if layer is None:
        return
    name = type(layer).__name__
    if name == "InMemoryChannelLayer":
        text = "The channel layer is in memory: it does not reach other processes."
        yield warning("channels", text, "Use channels_redis, or take CHANNEL_LAYERS out: it is not needed.")
        return
    if async_to_sync(_round_trip)(layer):
        yield ok("channels", f"{name}: a message went out and came back")
    else:
        text = f"{name}: a message did not come back within {SECONDS:g} s."
        yield broken("channels", text, "Is Redis running, and does CHANNEL_LAYERS name it?")


async def _round_trip(layer: Any) -> bool:
    try:
        async with asyncio.timeout(SECONDS):
            channel = await layer.new_channel()
            await layer.send(channel, {"type": "agents.doctor"})
            message = await layer.receive(channel)
    except TimeoutError:
        return False
    return bool(message["type"] == "agents.doctor")
