"""An archived run is gone, and every address of it says so to whom may know; a restored one says that it is."""

from pathlib import Path
from typing import Any

import pytest

from agents_app.services import Run, archive_runs, restore_run


@pytest.fixture
def run(run_of: Any, tmp_path: Path, settings: Any) -> Run[Any]:
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "agents_archive": backend}
    found: Run[Any] = run_of("look")
    assert archive_runs(days=0).runs == 1
    return found


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("get", ""),
        *(("get", each) for each in ("steps/", "tool-calls/", "events/", "events/stream", "transcript/")),
        *(("post", each) for each in ("cancel/", "pause/", "resume/", "retry/")),
    ],
)
def test_every_address_says_so(client_of: Any, run: Run[Any], method: str, address: str) -> None:
    answer = getattr(client_of("customer"), method)(f"/api/runs/{run.id}/{address}", **_body(method))
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (410, "archived")
    assert (error["details"]["status"], error["details"]["agent"]) == ("completed", "desk")
    stranger = getattr(client_of("stranger"), method)(f"/api/runs/{run.id}/{address}", **_body(method))
    assert (stranger.status_code, stranger.json()["error"]["code"]) == (404, "not_found")


def _body(method: str) -> dict[str, Any]:
    return {"data": {}, "format": "json"} if method == "post" else {}


def test_a_restored_run_says_that_it_is(client_of: Any, run: Run[Any]) -> None:
    restore_run(run.id)
    client = client_of("customer")
    shown = client.get(f"/api/runs/{run.id}/").json()
    assert shown["status"] == "completed"
    assert shown["restored_at"] is not None
    assert len(client.get(f"/api/runs/{run.id}/events/").json()["results"]) == run.version
    assert client.get(f"/api/runs/{run.id}/transcript/").status_code == 200


def test_a_list_has_it_no_more(client_of: Any, run: Run[Any]) -> None:
    assert client_of("customer").get("/api/runs/").json()["results"] == []
