"""agents_uninstall: nothing of ours is left in other apps' tables."""

from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings
from django_q.models import OrmQ, Schedule
from django_q.tasks import async_task

from agents_app.apps import SCHEDULES, schedule_sweep
from agents_app.models import AgentContext, Archive, database_now
from agents_app.services.archive_files import folder
from agents_app.testing import AgentsKit
from tests.management.desk import manage, resting

pytestmark = pytest.mark.django_db
QUEUE = override_settings(AGENTS_APP={"EXECUTOR": "django_q2"})


@pytest.fixture
def _left() -> None:
    """Our schedules and a message of ours, and the same of somebody else."""
    with QUEUE:
        schedule_sweep(using="default")
    Schedule.objects.create(name="theirs", func="shop.tasks.clean")
    async_task("agents_app.tasks.continue_run", "1")
    async_task("shop.tasks.clean")


def functions() -> tuple[list[str], list[Any]]:
    queued = [message.task["func"] for message in OrmQ.objects.order_by("pk")]
    return list(Schedule.objects.order_by("pk").values_list("func", flat=True)), queued


@pytest.mark.usefixtures("_left")
def test_ours_are_removed_and_theirs_stay() -> None:
    done = manage("agents_uninstall")
    assert done.code == 0
    assert functions() == (["shop.tasks.clean"], ["shop.tasks.clean"])
    assert "Removed 2 schedules: agents_app: sweep, agents_app: clean up" in done.out
    assert "Removed 1 queued message" in done.out
    assert "migrate agents_app zero" in done.out
    assert "Nothing is left" in manage("agents_uninstall").out


@pytest.mark.usefixtures("_left")
def test_a_dry_run_removes_nothing() -> None:
    before = functions()
    done = manage("agents_uninstall", "--dry-run")
    assert "Would remove 2 schedules" in done.out
    assert functions() == before
    assert len(before[0]) == len(SCHEDULES) + 1


def test_runs_that_have_not_ended_are_told_and_stay(agents: AgentsKit) -> None:
    resting(agents, "Done.")
    assert "not ended" not in manage("agents_uninstall").out
    AgentContext.objects.update(status="idle")
    assert "1 run has not ended" in manage("agents_uninstall").out
    assert AgentContext.objects.count() == 1


def test_archives_are_told_since_their_files_stay() -> None:
    assert "archive" not in manage("agents_uninstall").out.partition("Next")[0]
    Archive.objects.create(name="2026/01/02/a.jsonl.gz", created_at=database_now())
    told = " ".join(manage("agents_uninstall").out.split())
    assert f"1 archive of ended runs stays in {folder()}. Delete it if nobody needs it." in told
    with override_settings(STORAGES={**settings.STORAGES, "agents_archive": {"BACKEND": "shop.Storage"}}):
        assert "stays in the storage “agents_archive”" in " ".join(manage("agents_uninstall").out.split())
