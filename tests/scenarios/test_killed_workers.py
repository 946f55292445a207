"""SIGKILL of a real worker of django-q2, in each phase of a run. PostgreSQL alone has the isolation to show it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import override_settings

from agents_app import services
from agents_app.definitions.registry import registry
from agents_app.models import AgentContext, AgentStep, ToolCall
from agents_app.runtime.recovery import sweep
from agents_app.services import Run
from agents_app.testing.reading import describe, event_types
from tests.dead import alive
from tests.scenarios.checks import assert_sound
from tests.scenarios.cluster.story import DIARY, noted

pytestmark = pytest.mark.postgresql_only
ROOT = Path(__file__).parents[2]
T = TypeVar("T")


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    return tmp_path / "diary"


@pytest.fixture
def cluster(child_environment: dict[str, str], diary: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`manage.py qcluster` on the test's database, and the queue that feeds it."""
    environment = {
        **child_environment,
        "DJANGO_SETTINGS_MODULE": "tests.scenarios.cluster.settings",
        "PYTHONWARNINGS": "ignore",
        DIARY: str(diary),
    }
    command = [sys.executable, "manage.py", "qcluster"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    with registry.override():  # so that importing it does not register it for all tests
        survivor = import_module("tests.scenarios.cluster.agents").Survivor
    queue = override_settings(AGENTS_APP={**settings.AGENTS_APP, "EXECUTOR": "django_q2"})
    with queue, registry.override(survivor):
        yield process
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def until(found: Callable[[], T], what: str, seconds: float = 60.0) -> T:
    """Wait until it is there, while the sweep does what its schedule would let it do."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = found()
        if value:
            return value
        sweep()
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {seconds:g} s.")


def rested(run: Run[str]) -> Callable[[], Run[str] | None]:
    def look() -> Run[str] | None:
        now = run.again()
        return now if now.ended or now.waits_for_people else None

    return look


def kill_in(phase: str, diary: Path) -> Run[str]:
    """Start a run, kill the worker in this phase of it, and give the run as it comes to rest."""
    run: Run[str] = services.start_run("survivor", phase)
    entries = until(lambda: noted(diary, phase), f"to come into the phase {phase}")
    before = AgentContext.objects.get(pk=run.id).version
    os.kill(entries[0]["pid"], signal.SIGKILL)
    try:
        ended = until(rested(run), "to come to rest")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{describe(run)}") from None
    assert ended.version > before
    assert "run.recovered" in event_types(run)
    assert_sound(run)
    return ended


@pytest.mark.timeout(400)
def test_a_worker_is_killed_in_each_phase(cluster: subprocess.Popen[bytes], diary: Path, dora: Any) -> None:
    """One cluster for all phases, since it takes seconds to start."""
    while_the_llm_thinks(diary)
    during_a_read(diary)
    during_an_idempotent_call(diary)
    during_an_atomic_call(diary)
    during_an_external_call(diary, dora)
    between_two_acts(diary)
    a_worker_whose_tools_hang_is_replaced(diary)
    assert cluster.poll() is None


def while_the_llm_thinks(diary: Path) -> None:
    run = kill_in("llm", diary)
    assert run.output == "thought"
    assert len(noted(diary, "llm")) == 2
    assert AgentStep.objects.get(context_id=run.id, kind="think").attempt == 2


def during_a_read(diary: Path) -> None:
    run = kill_in("read", diary)
    assert run.output == 'It gave "attempt 2"'
    assert len({entry["pid"] for entry in noted(diary, "read")}) == 2


def during_an_idempotent_call(diary: Path) -> None:
    run = kill_in("idempotent", diary)
    assert run.output == 'It gave "attempt 2"'
    first, second = noted(diary, "idempotent")
    assert first["key"] == second["key"] is not None


def during_an_atomic_call(diary: Path) -> None:
    run = kill_in("atomic", diary)
    assert run.output == 'It gave "attempt 2"'
    written = get_user_model().objects.filter(username__startswith="written-")
    assert list(written.values_list("username", flat=True)) == ["written-2"]


def during_an_external_call(diary: Path, dora: Any) -> None:
    run = kill_in("external", diary)
    assert run.status == "waiting_for_approval"
    call = ToolCall.objects.get(context_id=run.id)
    assert (call.status, call.error_code) == ("unknown", "worker_lost")
    services.settle_outcome(call.pk, "happened", by=dora, result="sent")
    until(rested(run), "to go on")
    assert run.again().output == 'It gave "sent"'
    assert len(noted(diary, "external")) == 1


def between_two_acts(diary: Path) -> None:
    run = kill_in("between", diary)
    assert run.output == 'It gave "done"'
    assert len(noted(diary, "called")) == 1
    assert ToolCall.objects.get(context_id=run.id).attempt == 1


def a_worker_whose_tools_hang_is_replaced(diary: Path) -> None:
    """It ends itself in good order: nothing is lost, and the run goes on elsewhere."""
    run: Run[str] = services.start_run("survivor", "hanging")
    until(rested(run), "to come to rest")
    assert "did not return" in str(run.again().output)
    (entry,) = noted(diary, "hanging")
    until(lambda: not alive(entry["pid"]), "to end the worker")
    assert ToolCall.objects.get(context_id=run.id).status == "failed"
    assert_sound(run)
