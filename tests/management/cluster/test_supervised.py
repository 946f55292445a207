"""Real processes, killed in the ways that django-q2 does not survive by itself."""

import signal
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from agents_app.definitions.registry import registry
from agents_app.services import Run, start_run
from tests.management.cluster.supervised import Supervised, alive, until
from tests.scenarios.cluster.story import DIARY, noted

pytestmark = [pytest.mark.timeout(500), pytest.mark.once]
Start = Callable[..., Supervised]


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    return tmp_path / "diary"


@pytest.fixture
def supervised(child_environment: dict[str, str], tmp_path: Path, diary: Path) -> Iterator[Start]:
    """Starts one on the test's database, and the queue of this process feeds it."""
    begun: list[Supervised] = []

    def start(**options: Any) -> Supervised:
        begun.append(Supervised(tmp_path, {**child_environment, DIARY: str(diary)}, **options))
        return begun[0]

    with registry.override():  # so that importing it does not register it for all tests
        survivor = import_module("tests.scenarios.cluster.agents").Survivor
    queue = override_settings(AGENTS_APP={**settings.AGENTS_APP, "EXECUTOR": "django_q2"})
    with queue, registry.override(survivor):
        yield start
    for one in begun:
        one.end()


def assert_it_works(cluster: Supervised) -> None:
    run: Run[str] = start_run("survivor", "talk")  # there is no such tool: nothing waits
    ended = until(lambda: now if (now := run.again()).ended else None, f"the end of the run\n{cluster.output}")
    assert "It gave" in str(ended.output)


def test_idle_workers_are_killed(supervised: Start) -> None:
    """One of them held the lock of the queue: the new ones look healthy and do nothing."""
    cluster = supervised()
    assert_it_works(cluster)  # so both are ready, and one of them waits for the next message
    first = cluster.main()
    for worker in cluster.workers():
        worker.kill()
    assert_it_works(cluster)
    assert cluster.main() != first
    assert "no worker of this cluster did anything" in cluster.output
    assert not cluster.orphans()


def test_sentinel_and_main_process_are_killed(supervised: Start) -> None:
    """django-q2 leaves workers behind that go on without anybody who minds them."""
    cluster = supervised()
    for victim in (cluster.sentinel, cluster.main):
        before = cluster.cluster()
        victim().kill()
        until(lambda before=before: not [one for one in before if alive(one)], "the end of all others")  # type: ignore[misc]
        assert cluster.main() not in before
    assert not cluster.orphans()
    assert_it_works(cluster)


def test_the_supervisor_is_killed(supervised: Start) -> None:
    cluster = supervised(grace=60, stall=600)  # not by the leash, which is slower
    cluster.cluster()
    cluster.process.kill()
    cluster.process.wait()
    until(lambda: not cluster.orphans(), "the end of the orphans", 40)


def test_it_ends_in_time_whatever_hangs(supervised: Start, diary: Path) -> None:
    """A tool that does not come back: the worker gives it DRAIN_SECONDS, then leaves by itself."""
    cluster = supervised(grace=60, stall=600)  # a worker that begins late is not taken for dead
    cluster.cluster()
    start_run("survivor", "read")
    until(lambda: noted(diary, "read"), "the call")
    cluster.process.send_signal(signal.SIGTERM)
    assert cluster.process.wait(90) == 0, cluster.output
    assert "is killed" not in cluster.output
    assert not cluster.orphans()


def test_what_does_not_end_is_killed(supervised: Start, diary: Path) -> None:
    cluster = supervised(grace=1)
    for worker in cluster.workers():
        worker.suspend()
    begun = time.monotonic()
    cluster.process.send_signal(signal.SIGTERM)
    assert cluster.process.wait(60) == 1, cluster.output
    assert time.monotonic() - begun < 45
    assert "is killed" in cluster.output
    assert not cluster.orphans()
