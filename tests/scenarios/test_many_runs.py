"""Hundreds of runs: in flight in one worker process, waiting for people, and under a limit on several processes."""

import asyncio
import gc
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.conf import settings
from django.db import connection
from django.test import override_settings

from agents_app import Agent
from agents_app.core.status import RunStatus
from agents_app.definitions.registry import registry
from agents_app.models import AgentContext, RunSlot
from agents_app.runtime.drive import continue_run, drive_due
from agents_app.runtime.engines import close_engine, threaded_engine
from agents_app.runtime.heartbeat import heartbeat
from agents_app.services import start_run
from agents_app.testing import AgentsKit, calls
from agents_app.testing.llm import script
from tests import office
from tests.dead import alive
from tests.office import Clerk

WAITING = "agents_app.testing.executor.WaitingExecutor"
WORKERS = 3


@pytest.fixture(autouse=True)
def _office(transactional_db: None) -> Iterator[None]:
    with office.open_office():
        yield
    close_engine()
    heartbeat.join()


def settings_with(**given: Any) -> override_settings:
    return override_settings(AGENTS_APP={**settings.AGENTS_APP, "EXECUTOR": WAITING, **given})


class Patient:
    """An LLM that answers when so many ask it at once, or when it has waited for long enough."""

    def __init__(self, together: int) -> None:
        self.now, self.most, self.together = 0, 0, together
        self.threads: set[str] = set()
        self._answer = script("Done.")

    async def respond(self, request: Any, on_text: Any = None) -> Any:
        self.now += 1
        self.most = max(self.most, self.now)
        self.threads = self.threads | {thread.name for thread in threading.enumerate()}
        until = time.monotonic() + 55
        while self.most < self.together and time.monotonic() < until:  # noqa: ASYNC110  many ask, on several loops
            await asyncio.sleep(0.1)
        self.now -= 1
        self._answer.requests.clear()
        return await self._answer.respond(request)


def test_three_hundred_runs_are_in_flight_in_one_process_without_a_thread_for_each(agents: AgentsKit) -> None:
    llm = Patient(300)
    agents.scripted_llm(Clerk, llm)
    with settings_with(RUNS_PER_WORKER=300, SLICE_SECONDS=110):
        runs = [start_run(Clerk, "x").id for _ in range(300)]
        before = threading.active_count()
        continue_run(str(runs[0]))
        assert llm.most == 300
        assert len(llm.threads) <= before + 2 + settings.AGENTS_APP.get("DATABASE_THREADS", 2) + 1
    assert set(AgentContext.objects.values_list("status", flat=True)) == {RunStatus.COMPLETED}


def held() -> dict[str, Any]:
    """What this process holds: threads, timers of its loop, open sockets and files, children."""
    gc.collect()
    process = psutil.Process()
    return {
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "children": len(process.children(recursive=True)),
        "connections": len(process.net_connections("all")),
        "timers": sum(isinstance(thread, threading.Timer) for thread in threading.enumerate()),
    }


def more(now: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """What is held beyond what was; less is possible, since a thread that publishes ends when it has rested."""
    threads = list(now["threads"])
    for name in before["threads"]:
        if name in threads:
            threads.remove(name)
    grown = {name: number for name, number in now.items() if name != "threads" and number > before[name]}
    return {**grown, **({"threads": threads} if threads else {})}


def calling() -> list[str]:
    """The threads that call tools."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("agents-tool")]


def on_server() -> int:
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend'"  # and not those that vacuum
        )
        return int(cursor.fetchone()[0])


def test_five_hundred_waiting_runs_hold_nothing(agents: AgentsKit) -> None:
    agents.scripted_llm(Clerk, calls("pay", to="Ann", amount=120), "Done.")
    with settings_with(RUNS_PER_WORKER=100):
        start_run(Clerk, "the first makes what is made once")
        drive_due()
        close_engine()
        heartbeat.join()
        before, server = held(), on_server()
        for _ in range(500):
            start_run(Clerk, "x")
        drive_due()
        assert AgentContext.objects.filter(status=RunStatus.WAITING_FOR_APPROVAL, due_at=None).count() == 501
        # The engine stays while its process does; what it keeps for runs is counted, and is nothing.
        engine = threaded_engine()
        idle(lambda: engine._database._watching is None)
        assert engine.hanging() == 0
        idle(lambda: not calling())  # what earlier tests have left hanging ends
        assert calling() == []
        close_engine()
        heartbeat.join()
        idle(lambda: not more(held(), before) and on_server() <= server)
        assert more(held(), before) == {}
        assert on_server() <= server


def idle(condition: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.1)


# Several processes.

WORKER = """
import json, os, sys, time
import django
django.setup()
from agents_app import Agent, ToolContext, tool
from agents_app.definitions.registry import override_llm, registry
from agents_app.runtime.drive import continue_run
from agents_app.testing import calls, script
from agents_app.transitions.claims import due_run_ids

class Modest(Agent[str]):
    name = "modest"
    max_running = 3
    @tool(effect="read", timeout=60)
    def work(self, context: ToolContext) -> str:
        "Work, and write down from when to when."
        began = time.monotonic()
        if os.environ["KILLED"] == sys.argv[1] and context.attempt == 1:
            print(json.dumps({"run": str(context.run_id), "dies": True}), flush=True)
            os.kill(os.getpid(), 9)
        time.sleep(0.2)
        print(json.dumps({"run": str(context.run_id), "from": began, "to": time.monotonic()}), flush=True)
        return "done"

with registry.override(Modest), override_llm(Modest, script(calls("work"), "Done.")):
    until = time.monotonic() + 100
    open(f"{sys.argv[2]}-{sys.argv[1]}", "w").close()
    while time.monotonic() < until and os.environ["KILLED"] != sys.argv[1] and not os.path.exists(f"{sys.argv[2]}-go"):
        time.sleep(0.02)
    while time.monotonic() < until and not os.path.exists(sys.argv[2]):
        for run_id in due_run_ids(1, alone=True):  # what a hint would name
            continue_run(str(run_id))
        time.sleep(0.05)
"""


class Modest(Agent[str]):
    """As in the workers."""

    name = "modest"
    max_running = 3


@pytest.mark.postgresql_only
@pytest.mark.parametrize("killed", ["nobody", "1"])
def test_a_limit_holds_over_processes_and_what_a_killed_one_held_comes_free(
    child_environment: dict[str, str], tmp_path: Path, killed: str
) -> None:
    given = {**settings.AGENTS_APP, "EXECUTOR": WAITING}
    with registry.override(Modest), override_settings(AGENTS_APP=given):
        for _ in range(15):
            start_run(Modest, "x")
    stop = tmp_path / "stop"
    script_file = tmp_path / "limited_worker.py"
    script_file.write_text(WORKER)
    environment = {
        **child_environment,
        "PYTHONPATH": str(Path.cwd()),
        "PYTHONWARNINGS": "ignore",
        "DJANGO_SETTINGS_MODULE": "tests.scenarios.cluster.limits_settings",
        "KILLED": killed,
    }
    workers = [
        subprocess.Popen(
            [sys.executable, str(script_file), str(number), str(stop)], env=environment, stdout=subprocess.PIPE
        )
        for number in range(WORKERS)
    ]
    try:
        until = time.monotonic() + 90
        ready = [tmp_path / f"stop-{number}" for number in range(WORKERS)]
        while not all(each.exists() for each in ready) and time.monotonic() < until:
            time.sleep(0.05)  # a worker that starts late finds nothing left to do
        while killed != "nobody" and workers[int(killed)].poll() is None and time.monotonic() < until:
            time.sleep(0.05)  # the others come when it has died, and what it held is to come free
        (tmp_path / "stop-go").touch()
        while AgentContext.objects.exclude(status=RunStatus.COMPLETED).exists() and time.monotonic() < until:
            time.sleep(0.2)
    finally:
        stop.touch()
        said = [json.loads(line) for worker in workers for line in _output(worker).splitlines()]
    assert set(AgentContext.objects.values_list("status", flat=True)) == {RunStatus.COMPLETED}
    assert any("dies" in one for one in said) is (killed != "nobody")
    spans = [(one["from"], one["to"]) for one in said if "to" in one]
    assert len(spans) >= 15
    together = [sum(begin <= moment < end for begin, end in spans) for moment, _ in spans]
    assert max(together) <= 3
    assert RunSlot.objects.count() <= 3
    assert not any(alive(worker.pid) for worker in workers)


def _output(worker: "subprocess.Popen[bytes]") -> str:
    try:
        out, _ = worker.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        worker.kill()
        out, _ = worker.communicate()
    return out.decode()
