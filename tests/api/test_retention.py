"""Archived runs come back over REST, and what runs hold of a person is erased."""

from pathlib import Path
from typing import Any

import pytest

from agents_app.models import AgentContext, ArchivedRun
from agents_app.models.erasure import ERASED
from agents_app.services import Run, archive_runs


@pytest.fixture(autouse=True)
def files(tmp_path: Path, settings: Any) -> Path:
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "agents_archive": backend}
    return tmp_path


@pytest.fixture
def archived(run_of: Any, files: Path) -> Run[Any]:
    run: Run[Any] = run_of("look")
    assert archive_runs(days=0).runs == 1
    return run


def post(client: Any, address: str, body: dict[str, Any]) -> Any:
    return client.post(f"/api/{address}", body, format="json")


def test_ones_archived_runs_are_listed(client_of: Any, archived: Run[Any]) -> None:
    (mine,) = client_of("customer").get("/api/archived-runs/").json()["results"]
    assert (mine["id"], mine["agent"], mine["status"]) == (str(archived.id), "desk", "completed")
    assert mine["archive"].endswith(".gz")
    assert client_of("stranger").get("/api/archived-runs/").json()["results"] == []
    viewer = client_of("viewer")
    assert len(viewer.get("/api/archived-runs/?user=customer&status=completed").json()["results"]) == 1
    assert viewer.get("/api/archived-runs/?user=stranger").json()["results"] == []
    assert viewer.get("/api/archived-runs/?status=sleeping").status_code == 400


def test_who_controls_runs_brings_one_back(client_of: Any, archived: Run[Any]) -> None:
    address = f"archived-runs/{archived.id}/restore/"
    assert post(client_of("customer"), address, {}).status_code == 403
    assert post(client_of("stranger"), address, {}).status_code == 404
    assert not AgentContext.objects.exists()
    answer = post(client_of("approver"), address, {})
    assert (answer.status_code, answer.json()["id"]) == (200, str(archived.id))
    assert answer.json()["restored_at"] is not None
    assert client_of("customer").get(f"/api/runs/{archived.id}/").json()["status"] == "completed"
    assert post(client_of("approver"), address, {}).status_code == 200  # it is back already


def test_a_lost_file_is_said(client_of: Any, archived: Run[Any], files: Path) -> None:
    for path in files.rglob("*.gz"):
        path.unlink()
    client = client_of("approver")
    client.raise_request_exception = False  # it is ours to look into, and so it is logged
    answer = post(client, f"archived-runs/{archived.id}/restore/", {})
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "broken_archive")
    assert not AgentContext.objects.exists()


def test_a_person_is_erased(client_of: Any, run_of: Any, archived: Run[Any]) -> None:
    live = run_of("answer")
    admin = client_of("admin")
    would = {"runs": 1, "archived_runs": 1, "sessions": 0, "memories": 0, "still_open": []}
    assert post(admin, "erasures/", {"user": "customer", "dry_run": True}).json() == would
    assert AgentContext.objects.get(pk=live.id).details.input == "answer"
    assert post(admin, "erasures/", {"user": "customer", "reason": "ticket 1"}).json() == would
    assert AgentContext.objects.get(pk=live.id).details.input in ("", None)
    assert ArchivedRun.objects.get(pk=archived.id).user_name == ERASED
    assert AgentContext.objects.get(pk=live.id).details.erased_at is not None


def test_open_runs_are_refused_or_cancelled(client_of: Any, run_of: Any) -> None:
    run = run_of("refund")
    admin = client_of("admin")
    refused = post(admin, "erasures/", {"user": "customer"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "open_runs")
    assert post(admin, "erasures/", {"user": "customer", "cancel": True}).json()["runs"] == 1
    assert AgentContext.objects.get(pk=run.id).status == "cancelled"


def test_whether_there_is_such_a_person_is_told_to_those_who_may_erase(client_of: Any) -> None:
    assert post(client_of("approver"), "erasures/", {"user": "nobody-at-all"}).status_code == 403
    unknown = post(client_of("admin"), "erasures/", {"user": "nobody-at-all"})
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (400, "unknown_user")
