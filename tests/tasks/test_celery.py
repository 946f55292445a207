"""What a worker of Celery does with a message, and how it comes to an end."""

import os
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from django.test import override_settings

from agents_app.runtime import drive, recovery
from agents_app.runtime.shutdown import closing, replaced
from tests.celery_broker import celery_app

pytestmark = pytest.mark.once


@pytest.fixture
def side() -> ModuleType:
    from agents_app.tasks import celery

    return celery


@pytest.fixture
def _afterwards(side: ModuleType) -> Iterator[None]:
    yield
    closing.clear()
    replaced.clear()
    side.Leash.ends = None


def test_the_tasks_are_acknowledged_late_and_given_back(side: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    driven: list[str] = []
    monkeypatch.setattr(drive, "continue_run", driven.append)
    monkeypatch.setattr(recovery, "sweep", lambda: driven.append("sweep"))
    with celery_app("memory://", task_acks_late=False) as app:
        task: Any = app.tasks["agents_app.continue_run"]
        assert (task.acks_late, task.reject_on_worker_lost, task.ignore_result) == (True, True, True)
        assert task("a run") is None
        assert app.tasks["agents_app.recover"]() is None
    assert driven == ["a run", "sweep"]


@pytest.mark.parametrize(("executor", "there"), [("celery", True), ("django_q2", False)])
def test_beat_runs_the_sweep_of_its_own_accord(side: ModuleType, executor: str, there: bool) -> None:
    with celery_app("memory://") as app, override_settings(AGENTS_APP={"EXECUTOR": executor}):
        side._let_beat_sweep()
        swept = [entry for entry in app.conf.beat_schedule.values() if entry["task"] == "agents_app.recover"]
    assert len(swept) == there
    assert all(entry["schedule"] == side.SWEEP_SECONDS and entry["options"]["expires"] for entry in swept)


@pytest.mark.usefixtures("_afterwards")
def test_when_the_worker_shuts_down_its_processes_drain(side: ModuleType) -> None:
    side._make_leash()
    held, hold = side.Leash.ends
    side.Leash.ends = (held, os.dup(hold))  # a forked process has an end of its own, and closes that
    side._put_on_leash()
    side.Leash.ends = (held, hold)
    assert replaced.is_set()
    assert not closing.wait(0.2)
    side._let_go()
    assert closing.wait(20)
    side._let_go()  # a second signal
    for thread in threading.enumerate():
        if thread.name == "agents-leash":
            thread.join(20)
    os.close(held)
