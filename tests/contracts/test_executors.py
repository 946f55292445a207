"""What every executor must do, the test double included: a submission is a hint that a run be driven."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import override_settings
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q import brokers
from django_q.conf import Conf
from django_q.signing import SignedPackage

from agents_app.brokers import postgresql
from agents_app.core.status import RunStatus
from agents_app.definitions.registry import registry
from agents_app.executors import Executor, get_executor
from agents_app.models import AgentContext
from agents_app.runtime.engines import close_engine
from agents_app.runtime.heartbeat import heartbeat
from agents_app.runtime.recovery import sweep
from agents_app.services import Run, start_run
from agents_app.testing import run_until_idle, scripted_llm
from project.demo.agents import SupportAgent
from tests import office
from tests.office import Clerk

pytestmark = pytest.mark.django_db(transaction=True)
Work = Callable[[], Any]


def executor_set(name: str) -> override_settings:
    return override_settings(AGENTS_APP={**settings.AGENTS_APP, "EXECUTOR": name})


def work_off(broker: Any) -> None:
    """What a worker of django-q2 does, without its processes."""
    for task_id, package in broker.dequeue() or []:
        task = SignedPackage.loads(package)
        assert import_string(task["func"])(*task["args"]) is None
        broker.acknowledge(task_id)


POSTGRESQL = pytest.param("django_q2 postgresql", marks=pytest.mark.postgresql_only)


@pytest.fixture(params=["immediate", "waiting", "django_q2 orm", POSTGRESQL, "django_q2 redis"])
def queue(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    """The executor under test is the one of the settings; the value does what its workers do."""
    kind = request.param
    if kind == "immediate":
        name, work = "immediate", lambda: None
    elif kind == "waiting":
        name, work = "agents_app.testing.executor.WaitingExecutor", run_until_idle
    else:
        if kind == "django_q2 redis":
            url = request.getfixturevalue("redis_url")
            monkeypatch.setattr(Conf, "ORM", None)
            monkeypatch.setattr(Conf, "REDIS", url)
        elif kind == "django_q2 postgresql":
            monkeypatch.setattr(Conf, "BROKER_CLASS", "agents_app.brokers.postgresql.PostgreSQLBroker")
            monkeypatch.setattr(postgresql, "MOST_SECONDS", 0.01)
        broker = brokers.get_broker(f"contract-{uuid4().hex[:8]}")
        monkeypatch.setattr("django_q.tasks.get_broker", lambda *_: broker)
        monkeypatch.setattr("agents_app.executors.django_q2.get_broker", lambda *_: broker)
        monkeypatch.setattr(Conf, "POLL", 0.01)
        name, work = "django_q2", lambda: work_off(broker)
    with executor_set(name):
        yield work
    close_engine()
    heartbeat.join()
    if name == "django_q2":
        broker.delete_queue()
    if kind == "django_q2 postgresql":
        broker.close()


def test_a_run_that_was_accepted_is_driven(queue: Work) -> None:
    with scripted_llm(Clerk, "Done."):
        run = start_run(Clerk, "x")
        queue()
    assert run.again().status is RunStatus.COMPLETED


def test_it_has_the_port(queue: Work) -> None:
    executor: Executor = get_executor()
    assert isinstance(executor.delays, bool)
    assert get_executor() is executor


def test_submitting_twice_late_and_for_nothing_does_no_harm(queue: Work) -> None:
    with scripted_llm(Clerk, "Done."):
        run = start_run(Clerk, "x")
        executor = get_executor()
        executor.submit(run.id)
        queue()
        executor.submit(run.id)
        executor.submit(uuid4())
        for _ in range(3):
            queue()
    assert run.again().status is RunStatus.COMPLETED
    assert run.again().version == 4


def test_a_rolled_back_start_submits_nothing(queue: Work) -> None:
    with scripted_llm(Clerk, "Done."):
        office.rolled_back(lambda: start_run(Clerk, "x"))
        queue()
    assert not AgentContext.objects.exists()


def test_a_run_for_later_is_not_driven_before(queue: Work) -> None:
    with scripted_llm(Clerk, "Done."):
        run = start_run(Clerk, "x", run_at=timezone.now() + timedelta(seconds=60))
        queue()
    assert run.again().status is RunStatus.SCHEDULED


def test_many_runs(queue: Work) -> None:
    with scripted_llm(Clerk, "Done."):
        runs = [start_run(Clerk, "x") for _ in range(5)]
        for _ in runs:
            queue()
    assert {run.again().status for run in runs} == {RunStatus.COMPLETED}


def test_what_is_due_later(queue: Work) -> None:
    """Comes when it is due where the executor delays; else the sweep finds it."""
    with scripted_llm(Clerk, "Done."):
        run = start_run(Clerk, "x", run_at=timezone.now() + timedelta(seconds=0.5))
        early = AgentContext.objects.get(pk=run.id).claim_number
        time.sleep(0.6)
        if get_executor().delays:
            queue()
        else:
            sweep()
            queue()
    assert early == 0
    assert run.again().status is RunStatus.COMPLETED


def wait_for(run: Run[Any], seconds: float) -> Run[Any]:
    until = time.monotonic() + seconds
    while not run.ended and time.monotonic() < until:
        time.sleep(0.1)
        run = run.again()
    return run


def test_a_real_cluster_drives_it(child_environment: dict[str, str]) -> None:
    """The processes of django-q2 themselves, on this database."""
    with executor_set("django_q2"), registry.override(SupportAgent):
        run = start_run(SupportAgent, "Hello")
    cluster_process = subprocess.Popen(
        [sys.executable, "-m", "django", "qcluster"],
        env={**child_environment, "PYTHONPATH": str(Path.cwd())},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        with registry.override(SupportAgent):
            assert wait_for(run, 40).status is RunStatus.COMPLETED
    finally:
        cluster_process.terminate()
        try:
            cluster_process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(cluster_process.pid, 9)
            cluster_process.wait()
