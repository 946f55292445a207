"""agents_archive, agents_restore, and what other commands say of an archived run."""

from pathlib import Path
from typing import Any

import pytest

from agents_app.models import AgentContext
from agents_app.services import Run
from agents_app.testing import AgentsKit
from tests.management.desk import manage, resting
from tests.testing.shop import Reply


@pytest.fixture
def run(agents: AgentsKit, people: dict[str, Any], tmp_path: Path, settings: Any) -> Run[Any]:
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "agents_archive": backend}
    return resting(agents, Reply(text="Done."), user=people["customer"])


def test_archive_and_restore(run: Run[Any]) -> None:
    assert manage("agents_archive").out == "No runs archived in no archives.\n"
    assert manage("agents_archive", "--days", 0, "--dry-run").out == "1 run would be archived.\n"
    assert manage("agents_archive", "--days", 9, "--failed-days", 0).out == "No runs archived in no archives.\n"
    assert AgentContext.objects.count() == 1
    assert manage("agents_archive", "--days", 0, "--limit", 5).out == "1 run archived in 1 archive.\n"
    assert AgentContext.objects.count() == 0
    done = manage("agents_restore", str(run.id)[:20])
    assert done.code == 0
    assert f"Run {run.id} of shop is back for 7 days" in done.out
    assert "to be read only" in manage("agents_show", run.id).out
    assert manage("agents_show", run.id, "--json").json["restored_at"] is not None
    assert manage("agents_retry", run.id).code == 5


def test_as_json(run: Run[Any]) -> None:
    expected = {"runs": 1, "archives": 1, "put_away": 0, "removed": 0}
    assert manage("agents_archive", "--days", 0, "--json").json == expected


def test_other_commands_say_so(run: Run[Any], people: dict[str, Any]) -> None:
    manage("agents_archive", "--days", 0)
    for command in ("agents_show", "agents_cancel"):
        for text in (str(run.id), str(run.id)[:24]):
            refused = manage(command, text)
            assert refused.code == 3
            assert f"manage.py agents_restore {run.id} (archived)" in refused.error
    assert "archived" in manage("agents_show", run.id, "--as", "customer").error
    stranger = manage("agents_cancel", run.id, "--as", "clerk")
    assert "archived" in stranger.error  # may view all runs
    people["clerk"].user_permissions.clear()
    assert "archived" not in manage("agents_cancel", run.id, "--as", "clerk").error


def test_what_is_wrong(run: Run[Any]) -> None:
    assert manage("agents_restore", run.id).code == 3
    assert manage("agents_archive", "--days", -1).code == 2
