"""Workers and a web process of two releases, as processes beside each other, on one database."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agents_app.definitions.registry import registry
from agents_app.gate.definition_records import _known, deployed
from agents_app.models import AgentContext
from agents_app.services import Run, start_run
from agents_app.testing import approve_pending, calls, describe, run_until_idle, scripted_llm
from tests.scenarios.checks import assert_sound
from tests.scenarios.releases import First, Reworded

ROOT = Path(__file__).parents[2]
SECONDS = 90.0


@contextmanager
def worker(release: str, environment: dict[str, str]) -> Iterator[None]:
    """A worker of this release while it lasts."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.scenarios.release_worker", release]
    # Where the kit has replaced settings, they do not know their module.
    environment = {**environment, "DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"]}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE)
    try:
        yield
        assert process.poll() is None, "the worker has died"
        assert process.stdin is not None
        process.stdin.close()
        process.wait(SECONDS)
    finally:
        process.kill()
        process.wait()


def until(found: Callable[[], Any], run: Run[Any]) -> None:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if found():
            return
        time.sleep(0.1)
    raise AssertionError(f"Not within {SECONDS:g} s.\n{describe(run)}")


def left_alone(run: Run[Any]) -> bool:
    return AgentContext.objects.filter(pk=run.id, unknown_since__isnull=False, lease_until__isnull=True).exists()


def release(agent: Any) -> None:
    """`migrate` runs with this code."""
    with registry.override(agent):
        deployed(registry.all())


@pytest.mark.timeout(400)
def test_a_new_web_process_beside_an_old_worker(child_environment: dict[str, str]) -> None:
    """What begins with the new release waits for a worker that has it, though the old one could go on with it."""
    _known.clear()
    release(First)
    release(Reworded)
    with worker("First", child_environment):
        with registry.override(Reworded):
            new: Run[Any] = start_run(Reworded, "go")
        until(lambda: left_alone(new), new)
        with registry.override(First):
            old: Run[Any] = start_run(First, "go")
        until(lambda: old.again().ended, old)  # what it knows it goes on with meanwhile
        assert not new.again().ended
    with worker("Reworded", child_environment):
        until(lambda: new.again().ended, new)
    assert (old.again().output, new.again().output) == ("by First", "by Reworded")
    assert_sound(old)
    assert_sound(new)


@pytest.mark.timeout(400)
def test_an_old_web_process_beside_a_new_worker(child_environment: dict[str, str], dora: Any) -> None:
    """A call whose tool the new release has not waits for an old worker; an approval given meanwhile is not lost."""
    _known.clear()
    release(First)
    with registry.override(First), scripted_llm(First, calls("pay", to="Ada", cents=5), "never said"):
        run: Run[Any] = start_run(First, "go")
        run_until_idle()
        approve_pending(run, by=dora)
    with worker("Without", child_environment):
        until(lambda: left_alone(run), run)
        with worker("First", child_environment):
            until(lambda: run.again().ended, run)
    assert run.again().output == "by First"
    assert_sound(run)
