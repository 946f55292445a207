"""A real server, and a client that is connected and never reads: it costs next to nothing, and loses nothing."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import pytest
from django.db import transaction
from django.db.models import F

from agents_app.live import publish
from agents_app.live.tickets import issue_ticket
from agents_app.models import AgentContext, AgentEvent, database_now
from tests.live.runs import quiet_run
from tests.office import person
from tests.ports import own_port
from tests.ws.raw import RawClient

pytestmark = [pytest.mark.postgresql_only, pytest.mark.timeout(300)]
ROOT = Path(__file__).parents[2]
EVENTS_PER_SECOND = 1000
BATCHES_PER_SECOND = 20
SAID = "What somebody said about it. " * 35
"""About a kilobyte: the system itself keeps some megabytes for a socket, and those must be full."""
MEGABYTE = 2**20
PATIENT = ("--ws-ping-timeout", "600")
"""Left alone, uvicorn itself cuts off (with 1011) who does not answer its ping within 20 seconds."""
ADDED_AT_MOST = 5 * MEGABYTE


class Server:
    """A web process of the project, on the database of the test."""

    def __init__(self, process: psutil.Popen, port: int) -> None:
        self.port = port
        self._process = process

    def memory(self) -> int:
        """Bytes that it holds in memory."""
        return int(self._process.memory_info().rss)

    def open(self, run_id: UUID, user: Any, after: int, **options: Any) -> RawClient:
        """A websocket of this run."""
        return RawClient(self.port, f"/ws/runs/{run_id}/?after={after}&ticket={issue_ticket(user)}", **options)


@pytest.fixture
def server(child_environment: dict[str, str], tmp_path: Path) -> Iterator[Server]:
    port = own_port()
    log = tmp_path / "server.log"
    environment = {**child_environment, "DJANGO_SETTINGS_MODULE": "tests.browser.settings"}
    command = [sys.executable, "-m", "uvicorn", "project.asgi:application", "--port", str(port), *PATIENT]
    with log.open("w") as output:
        process = psutil.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        wait_for(port, process, log)
        yield Server(process, port)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(30)
    assert "Traceback" not in log.read_text(), log.read_text()


def wait_for(port: int, process: psutil.Popen, log: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"The server did not start:\n{log.read_text()}")


def add_events(run_id: UUID, count: int) -> int:
    """So many rows more in one commit, as a run would write them, told as a run tells them; the last number."""
    with transaction.atomic():
        AgentContext.objects.filter(pk=run_id).update(version=F("version") + count)
        last = AgentContext.objects.values_list("version", flat=True).get(pk=run_id)
        now = database_now()
        AgentEvent.objects.bulk_create(
            AgentEvent(
                context_id=run_id, sequence=number, type="step.started", at=now, data={"number": number, "said": SAID}
            )
            for number in range(last - count + 1, last + 1)
        )
    publish.announce(run_id, last)
    return int(last)


def keep_adding(run_id: UUID, seconds: int, server: Server) -> tuple[int, int]:
    """Events at a steady pace. The last number, and the most memory that the server held."""
    started, most, last = time.monotonic(), 0, 0
    for batch in range(seconds * BATCHES_PER_SECOND):
        time.sleep(max(0.0, started + batch / BATCHES_PER_SECOND - time.monotonic()))
        last = add_events(run_id, EVENTS_PER_SECOND // BATCHES_PER_SECOND)
        most = max(most, server.memory())
    return last, most


@pytest.mark.parametrize("seconds", [5, pytest.param(60, marks=pytest.mark.long)])
def test_who_never_reads_costs_next_to_nothing_is_cut_off_and_gets_all_later(server: Server, seconds: int) -> None:
    watcher = person("wanda", "agents_app.view_agentcontext")
    run_id = quiet_run(watcher)
    last = add_events(run_id, 2000)
    with server.open(run_id, watcher, 0) as warm:  # what the server keeps for good, it has from here on
        assert warm.events_until(last) == list(range(1, last + 1))
    before = server.memory()
    with server.open(run_id, watcher, last, receive_buffer=4096) as deaf:
        last, most = keep_adding(run_id, seconds, server)
        assert deaf.closed_with() == 4408
        assert deaf.numbers[-1] < last
    assert most - before <= ADDED_AT_MOST
    with server.open(run_id, watcher, 0) as again:
        assert again.events_until(last) == list(range(1, last + 1))
