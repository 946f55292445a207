"""From the commit of an event to a client of the websocket, beside a NOTIFY that is passed on bare.

Arguments: how often. Starts an ASGI server of its own.
"""

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
from websockets.asyncio.client import connect

from agents_app.live import publish
from agents_app.models import AgentContext
from agents_app.services import SYSTEM, pause_run, resume_run, start_run
from agents_app.signals import run_changed
from benchmarks.cases.setup import number, told
from benchmarks.clerk.agents import INPUT, GatedClerk

SECONDS = 60
BETWEEN = 0.05
"""Rest between two events: what is measured is one, not a batch."""


def main(times: int) -> None:
    """Print the median seconds of both ways, and of the worker's part."""
    user = get_user_model().objects.create_superuser("bench", password="bench")
    run_changed.connect(_note)
    run_id = start_run(GatedClerk, INPUT).id
    client = Client()
    client.force_login(user)
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    with _server("project.asgi:application") as port:
        ours = asyncio.run(_ours(f"ws://127.0.0.1:{port}/ws/runs/{run_id}/?after=0", cookie, run_id, times))
    with _server("benchmarks.bare_live:application") as port:
        bare = asyncio.run(_bare(f"ws://127.0.0.1:{port}/", times))
    told(ours=ours, bare=bare, publish=_publish(run_id, times))


@contextmanager
def _server(application: str) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", application, "--port", str(port), "--log-level", "error"]
    server = subprocess.Popen([*command, "--lifespan", "off"], stdin=subprocess.DEVNULL)
    try:
        yield port
    finally:
        server.kill()  # asked to end, it would wait for an application that listens for ever
        server.wait()


async def _ours(address: str, cookie: str, run_id: UUID, times: int) -> float:
    socket = await _connected(address, cookie)
    taken: list[float] = []
    async with socket:
        reader, version = Reader(socket), await asyncio.to_thread(_version, run_id)
        await reader.until(version)
        for turn in range(times + 5):
            await asyncio.sleep(BETWEEN)
            act = pause_run if turn % 2 == 0 else resume_run
            arrival = asyncio.create_task(reader.until(version + 1))
            await asyncio.to_thread(act, run_id, by=SYSTEM)
            came = await arrival
            version = max(_committed)
            taken.append(came - _committed[version])
            await reader.until(version)
    return statistics.median(taken[5:])


async def _connected(address: str, cookie: str) -> Any:
    until = time.monotonic() + SECONDS
    while True:
        try:
            return await connect(address, additional_headers={"Cookie": cookie})
        except OSError:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.1)


class Reader:
    """A client that reads events; `sequence` is the number of the last."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self.sequence = 0

    async def until(self, sequence: int) -> float:
        """The moment when the event with this number had come."""
        async with asyncio.timeout(SECONDS):
            while self.sequence < sequence:
                frame = json.loads(await self._socket.recv())
                self.sequence = max(self.sequence, frame.get("sequence", 0))
        return time.perf_counter()


_committed: dict[int, float] = {}


def _note(version: int, **kwargs: Any) -> None:
    """Receiver of run_changed, which is sent right after the commit."""
    _committed[version] = time.perf_counter()


def _version(run_id: UUID) -> int:
    version: int = AgentContext.objects.values_list("version", flat=True).get(pk=run_id)
    return version


async def _bare(address: str, times: int) -> float:
    """From NOTIFY to the client of a websocket that does nothing else."""
    taken = []
    socket = await _connected(address, "")
    async with socket, await psycopg.AsyncConnection.connect(os.environ["BENCH_DATABASE"], autocommit=True) as says:
        for _ in range(times + 5):
            await asyncio.sleep(BETWEEN)
            arrival = asyncio.create_task(socket.recv())
            begun = time.perf_counter()
            await says.execute("NOTIFY bare, 'news'")
            await arrival
            taken.append(time.perf_counter() - begun)
    return statistics.median(taken[5:])


def _publish(run_id: UUID, times: int) -> float:
    """What the thread that committed spends: the rest is done by the publisher's."""
    taken = []
    for version in range(times):
        begun = time.perf_counter()
        publish.announce(run_id, version)
        taken.append(time.perf_counter() - begun)
    publish.flush()
    return statistics.median(taken)


if __name__ == "__main__":
    main(number(1, 40))
