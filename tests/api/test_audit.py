"""Decisions and anchors as files."""

import asyncio
import csv
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from agents_app.live.portions import one_by_one
from agents_app.models import clock
from agents_app.services import archive_runs, reject, start_run
from agents_app.services.anchoring import make_anchors
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.office import Clerk

SPAN = "from=2020-01-01&to=2999-01-01T00:00:00Z"


@pytest.fixture
def auditor(db: Any) -> Iterator[Client]:
    with office.open_office():
        client = Client()
        client.force_login(office.person("auditor", "agents_app.export_audit"))
        yield client


def test_a_period_comes_as_csv_and_json(auditor: Client, agents: AgentsKit) -> None:
    agents.scripted_llm(Clerk, calls("pay", to="bob", amount="80"), "Done.")
    run = start_run(Clerk, "go")
    agents.run_until_idle()
    reject(office.request_of(run).pk, by=office.decider(), reason="=No")
    response: Any = auditor.get(f"/api/audit/decisions/?{SPAN}")
    assert (response.status_code, response.streaming, response["Content-Type"]) == (
        200,
        True,
        "text/csv; charset=utf-8",
    )
    assert 'filename="decisions-2020-01-01-2999-01-01.csv"' in response["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(b"".join(response).decode())))
    assert [(row["reason"], row["run"]) for row in rows] == [("'=No", str(run.id))]
    response = auditor.get(f"/api/audit/decisions/?{SPAN}&format=json")
    assert [row["reason"] for row in json.loads(b"".join(response))] == ["=No"]
    make_anchors()
    response = auditor.get("/api/audit/anchors/?format=csv")
    assert b"".join(response).startswith(b"number,made_at,runs,before,seal\r\n1,")


def test_archived_runs_are_asked_for_by_name(auditor: Client, agents: AgentsKit, tmp_path: Path, settings: Any) -> None:
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "agents_archive": backend}
    agents.scripted_llm(Clerk, calls("pay", to="bob", amount="80"), "Done.")
    run = start_run(Clerk, "go")
    agents.run_until_idle()
    reject(office.request_of(run).pk, by=office.decider(), reason="No.")
    agents.run_until_idle()

    def runs(query: str) -> list[str]:
        response: Any = auditor.get(f"/api/audit/decisions/?format=json&{SPAN}{query}")
        return [row["run"] for row in json.loads(b"".join(response))]

    with clock.moved(timedelta(days=3)):
        assert archive_runs(days=1).runs == 1
    assert (runs(""), runs("&archives=false"), runs("&archives=true")) == ([], [], [str(run.id)])


@pytest.mark.parametrize(
    "period", ["from=0698-02-14T22:29:34Z&to=0791-09-24T02:17:13%2B21:20", "from=2026-01-01T00:00:00%2B21:20"]
)
def test_odd_moments_are_moments(auditor: Client, agents: AgentsKit, period: str) -> None:
    answer = auditor.get(f"/api/audit/decisions/?format=json&{period}")
    assert (answer.status_code, json.loads(answer.getvalue())) == (200, [])


@pytest.mark.parametrize(
    "query",
    [
        "from=2999-01-01",
        "from=x&to=y",
        "to=0001-01-01",
        f"{SPAN}&format=xls",
        "from=2020-01-02&to=2020-01-01",
        f"{SPAN}&archives=maybe",
    ],
)
def test_what_cannot_be_used_is_told(auditor: Client, query: str) -> None:
    response = auditor.get(f"/api/audit/decisions/?{query}")
    assert (response.status_code, response.json()["error"]["code"] != "") == (400, True)


@pytest.mark.django_db
def test_it_needs_its_permission() -> None:
    client = Client()
    client.force_login(office.decider())
    for path in (f"decisions/?{SPAN}", "anchors/"):
        response = client.get(f"/api/audit/{path}")
        assert (response.status_code, "export_audit" in response.json()["error"]["message"]) == (403, True)


def test_under_asgi_each_piece_is_made_when_it_is_sent() -> None:
    made: list[int] = []

    def pieces() -> Iterator[str]:
        for number in range(3):
            made.append(number)
            yield str(number)

    async def read() -> list[tuple[str, int]]:
        return [(piece, len(made)) async for piece in one_by_one(pieces())]

    assert asyncio.run(read()) == [("0", 1), ("1", 2), ("2", 3)]
