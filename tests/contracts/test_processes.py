"""The contract with the worker processes themselves: they start, take what was accepted before, and end when asked."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest
from django_q import brokers
from django_q.conf import Conf

from agents_app.core.status import RunStatus
from agents_app.definitions.registry import registry
from agents_app.services import start_run
from project.demo.agents import SupportAgent
from tests.celery_broker import broker_url, celery_app
from tests.contracts.queues import executor_set
from tests.packaging.test_readme import until

ROOT = Path(__file__).parents[2]
QCLUSTER = ["-m", "django", "qcluster"]
CELERY = ["-m", "celery", "-A", "tests.celery_app", "worker", "-c", "1", "-l", "WARNING", "--without-mingle"]
COMMANDS = {"orm": QCLUSTER, "redis": QCLUSTER, "postgresql": QCLUSTER, "celery": CELERY}

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(400)]


@pytest.fixture(params=["orm", pytest.param("postgresql", marks=pytest.mark.postgresql_only), "redis", "celery"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def prefix() -> str:
    return f"processes-{uuid4().hex[:8]}"


@pytest.fixture
def sending(kind: str, prefix: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process submits to the queue that the workers read."""
    with ExitStack() as stack:
        if kind == "celery":
            url = broker_url(request.getfixturevalue("redis_url"))
            stack.enter_context(celery_app(url, broker_transport_options={"global_keyprefix": prefix}))
            stage = executor_set("celery")
        else:
            stage = executor_set("django_q2")
            monkeypatch.setattr(Conf, "PREFIX", prefix)
            monkeypatch.setattr(Conf, "CLUSTER_NAME", prefix)
            if kind == "redis":
                monkeypatch.setattr(Conf, "ORM", None)
                monkeypatch.setattr(Conf, "REDIS", request.getfixturevalue("redis_url"))
            broker = brokers.get_broker(prefix)
            monkeypatch.setattr("django_q.tasks.get_broker", lambda *_: broker)
            stack.callback(broker.delete_queue)
        with stage, registry.override(SupportAgent):
            yield


@pytest.fixture
def workers(
    kind: str, prefix: str, child_environment: dict[str, str], sending: None
) -> Iterator[subprocess.Popen[bytes]]:
    environment = {
        **child_environment,
        "DJANGO_SETTINGS_MODULE": "tests.contracts.worker_settings",
        "AGENTS_TEST_QUEUE": f"{kind}:{prefix}",
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",
    }
    process = subprocess.Popen([sys.executable, *COMMANDS[kind]], cwd=ROOT, env=environment, start_new_session=True)
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_real_workers_drive_it_and_end_when_asked(workers: subprocess.Popen[bytes]) -> None:
    run = start_run(SupportAgent, "Hello")
    until(lambda: run.again().ended, 90)
    assert run.again().status is RunStatus.COMPLETED
    workers.terminate()
    assert workers.wait(60) == 0
