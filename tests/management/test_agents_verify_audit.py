"""manage.py agents_verify_audit"""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db.models import QuerySet

from agents_app.models import AgentContext, AgentEvent, Archive, ArchivedRun, AuditAnchor, clock
from agents_app.services import archive_files, archive_runs
from agents_app.services.anchoring import make_anchors
from agents_app.testing import AgentsKit
from tests.management.desk import manage, resting

pytestmark = pytest.mark.django_db


def test_what_fits_is_counted(agents: AgentsKit) -> None:
    run = resting(agents, "Done.")
    assert manage("agents_verify_audit").out == "1 run, no anchors verified: all fit.\n"
    assert manage("agents_verify_audit", run.id).code == 0
    assert manage("agents_verify_audit", "--since", "2999-01-01").out == "no runs verified: all fit.\n"


def test_damage_is_named_and_fails(agents: AgentsKit) -> None:
    run, other = resting(agents, "Done."), resting(agents, "Done.")
    QuerySet(AgentEvent).filter(context=run.id, sequence=2).update(type="run.paused")
    result = manage("agents_verify_audit")
    assert result.code == 1
    assert f"{run.id}: event 2: " in result.out
    assert "2 runs, no anchors verified: 1 broken." in result.out
    assert manage("agents_verify_audit", other.id).code == 0
    told = manage("agents_verify_audit", run.id, "--json").json
    assert (told["broken"], told["findings"][0]["problem"]) == (1, "changed")


def test_gaps_are_accepted_until_a_moment(agents: AgentsKit) -> None:
    run = resting(agents, "Done.")
    QuerySet(AgentEvent).filter(context=run.id).update(link=None, bound=None)
    AgentContext.objects.filter(pk=run.id).update(chain_head=None, chain_salt=None)
    assert manage("agents_verify_audit").code == 1
    accepted = manage("agents_verify_audit", "--gaps-until", "2999-01-01")
    assert (accepted.code, "1 in part from a release without the chain" in accepted.out) == (0, True)


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "2026-12-31T25:00"])
def test_a_moment_that_is_none_is_refused(text: str) -> None:
    result = manage("agents_verify_audit", "--since", text)
    assert (result.code, "--since takes a" in result.error) == (2, True)


def test_a_run_that_is_removed_is_named_by_the_anchors(agents: AgentsKit) -> None:
    run, _ = resting(agents, "Done."), resting(agents, "Done.")
    make_anchors()
    assert manage("agents_verify_audit").out == "2 runs, 1 anchor verified: all fit.\n"
    AgentContext.objects.filter(pk=run.id).delete()
    result = manage("agents_verify_audit")
    assert (result.code, f"{run.id}: run: Anchor 1 of " in result.out) == (1, True)
    told = manage("agents_verify_audit", "--json").json
    assert (told["runs"], told["anchors"], told["findings"][0]["problem"]) == (1, 1, "missing")


@pytest.mark.parametrize("form", ["csv", "json"])
def test_anchors_are_compared_with_copies(agents: AgentsKit, tmp_path: Path, form: str) -> None:
    resting(agents, "Done.")
    make_anchors()
    seal, file = AuditAnchor.objects.get().seal, tmp_path / "anchors"
    for number, kept, code in ((1, seal, 0), (1, "x" * 43, 1), (2, seal, 1)):
        as_json = json.dumps([{"number": number, "seal": kept}])
        file.write_text(f"number,seal\n{number},{kept}\n" if form == "csv" else as_json)
        assert manage("agents_verify_audit", "--anchors", file).code == code
    for text in ("", "number\n1\n", "[1]", "[{}]", "{"):
        file.write_text(text)
        assert manage("agents_verify_audit", "--anchors", file).code == 2
    assert manage("agents_verify_audit", "--anchors", tmp_path / "none").code == 2
    assert manage("agents_verify_audit", "--since", "2026-01-01", "--anchors", file).code == 2


def test_archives_are_read_too(agents: AgentsKit, tmp_path: Path, settings: Any) -> None:
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "agents_archive": backend}
    run = resting(agents, "Done.")
    with clock.moved(timedelta(days=2)):
        assert archive_runs(days=1).runs == 1
    result = manage("agents_verify_audit", "--archives")
    assert result.out == "no runs, 1 archived run, no anchors verified: all fit.\n"
    ArchivedRun.objects.update(chain_head="x")
    result = manage("agents_verify_audit", "--archives")
    assert (result.code, f"{run.id}: archived run {run.id}: " in result.out) == (1, True)
    archive_files.storage().delete(Archive.objects.get().name)
    result = manage("agents_verify_audit", "--archives")
    assert (result.code, "cannot be read" in result.out) == (1, True)


def test_a_run_that_is_not_there() -> None:
    assert manage("agents_verify_audit", "0198f2c1-0000-7000-8000-000000000000").code == 3
