"""What is wired together at start-up: the sweep's schedule, and the agents that do memory's own work."""

import os
import subprocess
import sys
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.test import override_settings
from django_q.models import Schedule

from agents_app import tasks
from agents_app.apps import CLEANING, SWEEP, schedule_sweep
from agents_app.core.internal import INTERNAL_AGENTS

pytestmark = pytest.mark.django_db
QUEUE = override_settings(AGENTS_APP={"EXECUTOR": "django_q2"})


def schedules(function: str = SWEEP) -> list[Any]:
    return list(Schedule.objects.filter(func=function))


@QUEUE
def test_migrate_schedules_the_sweep_every_minute_once() -> None:
    for _ in range(2):
        call_command("migrate", verbosity=0)
    (schedule,) = schedules()
    assert (schedule.schedule_type, schedule.minutes, schedule.repeats) == (Schedule.MINUTES, 1, -1)
    assert f"{tasks.recover.__module__}.{tasks.recover.__qualname__}" == SWEEP
    (cleaning,) = schedules(CLEANING)
    assert (cleaning.minutes, cleaning.repeats) == (10, -1)
    assert f"{tasks.clean_up.__module__}.{tasks.clean_up.__qualname__}" == CLEANING


@QUEUE
def test_an_interval_that_was_changed_stays() -> None:
    schedule_sweep(using="default")
    Schedule.objects.update(minutes=5, name="mine")
    schedule_sweep(using="default")
    assert [(each.minutes, each.name) for each in schedules()] == [(5, "mine")]


@pytest.mark.parametrize("executor", ["immediate", "agents_app.testing.executor.WaitingExecutor"])
def test_another_executor_needs_no_schedule(executor: str) -> None:
    with override_settings(AGENTS_APP={"EXECUTOR": executor}):
        schedule_sweep(using="default")
    assert schedules() == []


@QUEUE
def test_no_schedule_without_django_q2_in_another_database_or_before_its_migrations(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    schedule_sweep(using="other")
    with monkeypatch.context() as patch:
        patch.setattr(apps, "is_installed", lambda name: False)
        schedule_sweep(using="default")
    with monkeypatch.context() as patch:
        patch.setattr(connection.introspection, "table_names", list)
        schedule_sweep(using="default")
    assert schedules() == []


def test_a_process_that_imports_nothing_more_knows_the_agents_of_memory() -> None:
    """In a process of its own: here the tests themselves have imported them."""
    code = (
        "import django; django.setup()\n"
        "from agents_app.core.internal import INTERNAL_AGENTS as names\n"
        "from agents_app.definitions.registry import registry\n"
        "print(*(registry.get(name).name for name in names))"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "project.settings"}
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert said.stdout.split() == list(INTERNAL_AGENTS), said.stderr
