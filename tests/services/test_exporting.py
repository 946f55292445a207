"""Decisions of a period as tables."""

import asyncio
import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents_app.core.tables import as_text, harmless
from agents_app.exceptions import InvalidInput, NotPermitted
from agents_app.live.portions import one_by_one
from agents_app.management.commands.agents_verify_audit import _copies
from agents_app.models import AgentContext, ApprovalRequest, AuditAnchor, Decision, clock, database_now
from agents_app.selectors.anchors import verify_anchors
from agents_app.services import (
    SYSTEM,
    Origin,
    approve,
    archive_runs,
    export_anchors,
    export_decisions,
    exporting,
    reject,
    restore_run,
    start_run,
)
from agents_app.services.anchoring import make_anchors
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.management.desk import manage
from tests.office import Clerk

pytestmark = pytest.mark.django_db

ORIGIN = Origin(door="rest", address="10.1.2.3")


@pytest.fixture(autouse=True)
def _office(tmp_path: Path, settings: Any) -> Iterator[None]:
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path / "a")}}
    settings.STORAGES = {**settings.STORAGES, "agents_archive": backend}
    with office.open_office():
        yield


def asked(agents: AgentsKit, tool: str = "pay", **arguments: str) -> ApprovalRequest:
    agents.scripted_llm(Clerk, calls(tool, **(arguments or {"to": "bob", "amount": "80"})), "Done.")
    run = start_run(Clerk, "go")
    agents.run_until_idle()
    return office.request_of(run)


def period(days: float = 1) -> dict[str, datetime]:
    now = database_now()
    return {"since": now - timedelta(days=days), "until": now + timedelta(days=days)}


def table(by: Any = SYSTEM, **options: Any) -> list[dict[str, Any]]:
    as_json = json.loads("".join(export_decisions(by=by, format="json", **{**period(), **options})))
    text = "".join(export_decisions(by=by, **{**period(), **options}))
    as_csv = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(as_csv) == len(as_json)
    assert text.splitlines()[0] == ",".join(exporting.DECISIONS)
    for row, other in zip(as_json, as_csv, strict=True):
        assert {name: str(harmless("" if value is None else value)) for name, value in row.items()} == other
    return list(as_json)


def test_a_row_says_all_of_a_decision(agents: AgentsKit) -> None:
    request, dora = asked(agents), office.decider()
    shown = request.digest
    approve(request.pk, by=dora, digest=shown, arguments={"to": "bob", "amount": "60"}, reason="less, é", origin=ORIGIN)
    (row,) = table()
    made = Decision.objects.get()
    assert (row["decision"], row["verdict"], row["person"], row["person_id"]) == (
        *(str(made.pk), "approved", "dora"),
        dora.pk,
    )
    assert (row["door"], row["address"], row["reason"]) == ("rest", "10.1.2.3", "less, é")
    assert (row["digest_shown"], row["digest"]) == (shown, made.digest)
    assert json.loads(row["arguments_before"])["amount"] == "80"
    assert json.loads(row["arguments"])["amount"] == json.loads(row["call_arguments"])["amount"] == "60"
    assert (row["run"], row["agent"], row["tool"]) == (str(request.context_id), "clerk", "pay")
    assert int(row["stage"]) == 1, "people count from one, over REST as well"
    assert datetime.fromisoformat(row["decided_at"]) == made.decided_at


def test_secrets_stay_masked(agents: AgentsKit) -> None:
    request = asked(agents, "sign_in", account="a", password="hunter2")
    approve(request.pk, by=office.decider(), digest=request.digest)
    assert "***" in table()[0]["call_arguments"]
    assert "hunter2" not in str(table())


def test_only_the_period_counts(agents: AgentsKit) -> None:
    dora = office.decider()
    for days in (0, 10, 20):
        with clock.moved(timedelta(days=days)):
            reject(asked(agents).pk, by=dora, reason=f"day {days}")
    first, second = (Decision.objects.get(reason=f"day {day}").decided_at for day in (0, 10))
    assert [row["reason"] for row in table(since=first, until=second)] == ["day 0"]
    assert table(since=first - timedelta(hours=1), until=first) == []


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert harmless(text) == f"'{text}"


def test_what_is_no_formula_stays() -> None:
    assert [harmless(value) for value in ("a=1", "", None, -5, '{"a": "=1"}', "é")] == [
        "a=1",
        "",
        "",
        -5,
        '{"a": "=1"}',
        "é",
    ]


def test_a_reason_that_is_a_formula_is_none_in_the_table(agents: AgentsKit) -> None:
    reject(asked(agents).pk, by=office.decider(), reason='=HYPERLINK("http://evil")')
    text = "".join(export_decisions(by=SYSTEM, **period()))
    assert "'=HYPERLINK" in text
    assert table()[0]["reason"].startswith("=")


def test_they_are_read_a_portion_at_a_time(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> None:
    dora = office.decider()
    for number in range(5):
        reject(asked(agents).pk, by=dora, reason=f"no {number}")
    monkeypatch.setattr(exporting, "PORTION", 2)
    assert [row["reason"] for row in table()] == [f"no {number}" for number in range(5)]
    with CaptureQueriesContext(connection) as queries:
        pieces = export_decisions(by=SYSTEM, **period())
        next(pieces)
        assert len(queries) <= 1, "nothing is read before it is asked for"
        next(pieces)
        begun = len(queries)
        assert begun <= 2
        list(pieces)
    assert len(queries) == begun + 3, "two portions more, and the end"


def test_nothing_is_a_table_too() -> None:
    assert table() == []
    assert "".join(export_decisions(by=SYSTEM, format="json", **period())) == "[]\n"


def test_who_may_not_and_what_cannot_be(agents: AgentsKit) -> None:
    clerk = office.decider()
    with pytest.raises(NotPermitted, match="export_audit"):
        export_decisions(by=clerk, **period())
    with pytest.raises(NotPermitted):
        export_anchors(by=clerk)
    for wrong in ({"format": "xls"}, {"until": database_now() - timedelta(days=9)}):
        with pytest.raises(InvalidInput):
            export_decisions(by=SYSTEM, **{**period(), **wrong})


def test_hidden_runs_need_their_permission(agents: AgentsKit) -> None:
    request = asked(agents)
    reject(request.pk, by=office.decider(), reason="No.")
    AgentContext.objects.filter(pk=request.context_id).update(hidden_at=database_now())
    auditor = office.person("auditor", "agents_app.export_audit")
    insider = office.person("insider", "agents_app.export_audit", "agents_app.view_hidden")
    assert (len(table(auditor)), len(table(insider))) == (0, 1)


@pytest.mark.django_db(transaction=True)
def test_archives_are_read_in_whichever_thread_sends_the_next_piece(agents: AgentsKit) -> None:
    dora = office.decider()
    for days in (1, 4):
        reject(asked(agents).pk, by=dora, reason="old")
        agents.run_until_idle()
        with clock.moved(timedelta(days=days)):
            assert archive_runs(days=days / 2).runs == 1

    pieces = export_decisions(by=SYSTEM, format="json", archives=True, **period(9))

    async def sent() -> str:
        return "".join([piece async for piece in one_by_one(pieces)])

    assert [row["reason"] for row in json.loads(asyncio.run(sent()))] == ["old", "old"]


def test_archived_runs_come_last_and_restored_ones_once(agents: AgentsKit) -> None:
    request = asked(agents)
    reject(request.pk, by=office.decider(), reason="old")
    agents.run_until_idle()
    (before,) = table()
    with clock.moved(timedelta(days=3)):
        assert archive_runs(days=1).runs == 1
        assert table(**period(9)) == []
        assert table(archives=True, **period(9)) == [before]
        restore_run(request.context_id)
        assert table(archives=True, **period(9)) == [before]


def test_anchors_go_out_and_are_compared(agents: AgentsKit, tmp_path: Path) -> None:
    asked(agents)
    make_anchors()
    for form in ("csv", "json"):
        file = tmp_path / f"anchors.{form}"
        assert manage("agents_export_audit", "--what", "anchors", "--format", form, "--output", file).code == 0
        assert manage("agents_verify_audit", "--anchors", file).code == 0
        assert file.stat().st_mode & 0o077 == 0
    seal = AuditAnchor.objects.get().seal
    assert [found for found in verify_anchors({1: seal, 2: "x"}) if found is not None]


@pytest.mark.parametrize("seal", ["-dash=", "a-b", "_x"])
def test_a_seal_that_looks_like_a_formula_is_read_as_it_was(seal: str, tmp_path: Path) -> None:
    for form in ("csv", "json"):
        file = tmp_path / form
        file.write_text("".join(as_text(form, ("number", "seal"), [[{"number": 1, "seal": seal}]])))
        assert _copies(str(file)) == {1: seal}


def test_the_command(agents: AgentsKit, tmp_path: Path) -> None:
    reject(asked(agents).pk, by=office.decider(), reason="No.")
    span = ("--from", "2020-01-01", "--to", "2999-01-01")
    rows = list(csv.DictReader(io.StringIO(manage("agents_export_audit", *span).out)))
    assert [row["reason"] for row in rows] == ["No."]
    assert [row["reason"] for row in manage("agents_export_audit", *span, "--format", "json").json] == ["No."]
    file = tmp_path / "out.csv"
    assert manage("agents_export_audit", *span, "--output", file).code == 0
    assert "No." in file.read_text()
    assert manage("agents_export_audit", *span, "--output", file).code == 2, "it is there already"
    for wrong in ((), ("--from", "2020-01-01"), ("--from", "x", "--to", "y"), ("--what", "anchors", *span)):
        assert manage("agents_export_audit", *wrong).code == 2
    assert manage("agents_export_audit", *span, "--as", "dora").code == 4
