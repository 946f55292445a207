"""An archive of an earlier release comes back. Its file is never written anew: a later format gets one of its own."""

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from agents_app.models import AgentContext, Archive, ArchivedRun, database_now
from agents_app.models.archive import ArchiveState
from agents_app.selectors.transcript import messages_of
from agents_app.services import read_run, restore_run
from tests.archives import ONE_OF_EACH, stored

FORMAT_1 = Path(__file__).parent / "archive-format-1.jsonl"


@pytest.mark.django_db
def test_format_1_is_read(settings: Any, tmp_path: Path) -> None:
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "agents_archive": backend}
    lines = [json.loads(line) for line in FORMAT_1.read_text().splitlines()]
    run_id = put_there(lines, tmp_path)
    run = restore_run(run_id)
    assert (run.status, run.output, read_run(run_id).agent) == ("completed", "All done.", "clerk")
    assert messages_of(AgentContext.objects.get(pk=run_id))
    rows = stored(run_id)
    assert {name for name, found in rows.items() if found} >= ONE_OF_EACH
    written = [line for line in lines if "model" in line]
    assert sum(map(len, rows.values())) == len(written)
    events = [line["values"]["type"] for line in written if line["model"] == "agentevent"]
    assert [row["type"] for row in rows["agentevent"]] == events


def put_there(lines: list[dict[str, Any]], folder: Path) -> str:
    """As if this database had moved the run out with that release. The run's id."""
    assert lines[0]["format"] == 1
    packed = gzip.compress(FORMAT_1.read_bytes())
    (folder / "old.jsonl.gz").write_bytes(packed)
    now = database_now()
    archive = Archive.objects.create(
        pk=lines[0]["archive"],
        name="old.jsonl.gz",
        state=ArchiveState.COMPLETE,
        created_at=now,
        format=1,
        sha256=hashlib.sha256(packed).hexdigest(),
        size=len(packed),
        runs=1,
    )
    run_id, version = str(lines[1]["run"]), lines[1]["version"]
    times = {"created_at": now, "ended_at": now, "archived_at": now}
    ArchivedRun.objects.create(pk=run_id, archive=archive, agent="clerk", status="completed", version=version, **times)
    return run_id
