"""SIGKILL of real worker processes of Celery in the midst of a run; its own beat runs the sweep, the test does not."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import override_settings

from agents_app import services
from agents_app.core.status import RunStatus
from agents_app.definitions.registry import registry
from agents_app.models import AgentContext, AgentStep
from agents_app.services import Run
from agents_app.testing.reading import event_types
from tests.celery_broker import broker_url, celery_app
from tests.dead import all_gone
from tests.packaging.test_readme import until
from tests.scenarios.checks import assert_sound
from tests.scenarios.cluster.story import DIARY, noted

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.postgresql_only, pytest.mark.long, pytest.mark.timeout(400)]


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    return tmp_path / "diary"


@pytest.fixture
def prefix() -> str:
    return f"killed-{uuid4().hex[:8]}"


@pytest.fixture
def sending(redis_url: str, prefix: str, transactional_db: None) -> Iterator[None]:
    """This process submits to the workers' queue."""
    with registry.override():  # so that importing it does not register it for all tests
        survivor = import_module("tests.scenarios.cluster.agents").Survivor
    queue = override_settings(AGENTS_APP={**settings.AGENTS_APP, "EXECUTOR": "celery"})
    app = celery_app(broker_url(redis_url), broker_transport_options={"global_keyprefix": prefix})
    with app, queue, registry.override(survivor):
        yield


@pytest.fixture
def worker(
    child_environment: dict[str, str], diary: Path, prefix: str, sending: None, tmp_path: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """`celery worker` with two processes, and beat in a third."""
    environment = {
        **child_environment,
        "DJANGO_SETTINGS_MODULE": "tests.scenarios.cluster.celery_settings",
        "AGENTS_TEST_PREFIX": prefix,
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",
        DIARY: str(diary),
    }
    options = ["-c", "2", "-l", "ERROR", "--without-mingle", "-B", "-s", str(tmp_path / "schedule")]
    command = [sys.executable, "-m", "celery", "-A", "tests.celery_app", "worker", *options]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL, start_new_session=True)
    yield process
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def in_phase(phase: str, diary: Path, times: int = 1) -> list[dict[str, Any]]:
    def entries() -> list[dict[str, Any]]:
        found = noted(diary, phase)
        return found if len(found) >= times else []

    found: list[dict[str, Any]] = until(entries, 60)
    return found


def at_rest(run: Run[str]) -> Run[str]:
    def look() -> Run[str] | None:
        now = run.again()
        return now if now.ended or now.waits_for_people else None

    rested: Run[str] = until(look, 90)
    assert_sound(rested)
    return rested


def test_workers_of_celery_are_killed_in_mid_run(worker: subprocess.Popen[bytes], diary: Path) -> None:
    while_the_llm_thinks(diary)
    during_a_read(diary)
    during_an_external_call(diary)
    a_worker_whose_tools_hang_is_replaced(diary)
    asked_to_end_it_drains(worker, diary)


def while_the_llm_thinks(diary: Path) -> None:
    run: Run[str] = services.start_run("survivor", "llm")
    os.kill(in_phase("llm", diary)[0]["pid"], signal.SIGKILL)
    assert at_rest(run).output == "thought"
    assert "run.recovered" in event_types(run)
    assert AgentStep.objects.get(context_id=run.id, kind="think").attempt == 2


def during_a_read(diary: Path) -> None:
    run: Run[str] = services.start_run("survivor", "read")
    os.kill(in_phase("read", diary)[0]["pid"], signal.SIGKILL)
    assert json.loads(at_rest(run).output.removeprefix("It gave ")) == "attempt 2"
    assert len({entry["pid"] for entry in noted(diary, "read")}) == 2


def during_an_external_call(diary: Path) -> None:
    """It is not repeated; a person is asked what became of it."""
    run: Run[str] = services.start_run("survivor", "external")
    os.kill(in_phase("external", diary)[0]["pid"], signal.SIGKILL)
    assert at_rest(run).status is RunStatus.WAITING_FOR_APPROVAL
    assert len(noted(diary, "external")) == 1


def a_worker_whose_tools_hang_is_replaced(diary: Path) -> None:
    run: Run[str] = services.start_run("survivor", "hanging")
    pid = in_phase("hanging", diary)[0]["pid"]
    assert at_rest(run).ended
    assert all_gone([pid], 60)


def asked_to_end_it_drains(worker: subprocess.Popen[bytes], diary: Path) -> None:
    """Long before the slice would be over: the call is given DRAIN_SECONDS, then given up as if the worker had died."""
    run: Run[str] = services.start_run("survivor", "idempotent")
    in_phase("idempotent", diary)
    worker.terminate()
    worker.wait(80)
    assert AgentContext.objects.get(pk=run.id).lease_until is None, "given back, not left to its lease"
