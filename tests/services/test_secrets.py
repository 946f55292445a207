"""A sensitive argument is stored sealed, shown masked, opened at dispatch, and found nowhere else."""

import gzip
import logging
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection, models
from django.test import Client, override_settings

from agents_app import ApprovalRequired, ToolFailed, ToolRetry
from agents_app.exceptions import WrongState
from agents_app.models import AgentContext, AgentEvent, ApprovalRequest, Decision
from agents_app.models.sealing import unseal
from agents_app.selectors import presentation
from agents_app.services import Run, approve, archive_runs, reject, settle_outcome, start_run
from agents_app.testing import AgentsKit, calls, raw_call
from tests import (
    office,
    urls,  # noqa: F401  # compiled here: Python 3.11 cannot compile in two threads at once
)
from tests.office import Clerk

pytestmark = pytest.mark.django_db
SECRET = "hunter2-planted-secret"
NEW_SECRET = "correct-horse-planted-secret"


def everything_stored() -> str:
    """Every column of every row of every table, as the database gives it."""
    found: list[str] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            found += [str(value) for row in cursor.fetchall() for value in row]
    return "\n".join(found)


def assert_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    stored = everything_stored()
    assert "sign_in" in stored  # it was looked at
    for secret in (SECRET, NEW_SECRET, "hunter2", "correct-horse"):
        assert secret not in stored
        assert secret not in caplog.text


def waiting(agents: AgentsKit, *more: Any) -> tuple[Run[str], ApprovalRequest]:
    agents.scripted_llm(Clerk, calls("sign_in", account="ada", password=SECRET), *more, "Done.")
    run = start_run(Clerk, "Sign in.")
    agents.run_until_idle()
    return run, office.request_of(run)


@pytest.fixture(autouse=True)
def _log_all(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="agents_app")


def test_while_it_waits_it_is_sealed_and_masked(agents: AgentsKit, caplog: pytest.LogCaptureFixture) -> None:
    run, request = waiting(agents)
    call = office.call_of(run)
    assert call.arguments == '{"account":"ada","password":"***"}'
    assert SECRET in unseal(call.sealed)
    assert "***" in request.summary or "ada" in request.summary
    assert_nowhere(caplog)
    assert all(SECRET not in str(event.data) for event in AgentEvent.objects.all())


def test_it_is_opened_at_dispatch_and_for_the_llm_alone(agents: AgentsKit, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[str] = []

    def listen(request: Any) -> str:
        heard.append(str(request.messages))
        return "Done."

    run, request = waiting(agents, listen)
    approve(request.pk, by=office.decider(), digest=request.digest)
    agents.run_until_idle()
    agents.assert_completed(run)
    assert office.done == [("sign_in", ("ada", SECRET))]
    assert SECRET in heard[0]
    call = office.call_of(run)
    type(call).objects.filter(pk=call.pk).update(result=None)  # what a tool returns is its own matter
    assert_nowhere(caplog)


def test_an_edit_is_sealed_as_well(agents: AgentsKit, caplog: pytest.LogCaptureFixture) -> None:
    office.behaviour["sign_in"] = lambda *_: "in"
    run, request = waiting(agents)
    approve(
        request.pk, by=office.decider(), digest=request.digest, arguments={"account": "ada", "password": NEW_SECRET}
    )
    agents.run_until_idle()
    agents.assert_completed(run)
    assert office.done == [("sign_in", ("ada", NEW_SECRET))]
    decision = Decision.objects.get()
    assert "***" in decision.arguments
    assert "***" in decision.arguments_before
    assert office.call_of(run).edited
    assert_nowhere(caplog)


def test_a_rejection_and_a_failure_leave_no_trace(agents: AgentsKit, caplog: pytest.LogCaptureFixture) -> None:
    run, request = waiting(agents)
    reject(request.pk, by=office.decider(), reason="no")
    agents.run_until_idle()
    agents.assert_completed(run)
    assert_nowhere(caplog)


@pytest.mark.parametrize("error", [ToolFailed("wrong password"), RuntimeError("broken")])
def test_a_tool_that_fails(agents: AgentsKit, caplog: pytest.LogCaptureFixture, error: Exception) -> None:
    def fails(*_: Any) -> None:
        raise error

    office.behaviour["sign_in"] = fails
    _, request = waiting(agents)
    approve(request.pk, by=office.decider(), digest=request.digest)
    agents.run_until_idle()
    assert office.names() == ["sign_in"]
    assert_nowhere(caplog)


@pytest.mark.parametrize(
    "arguments",
    [f'{{"password": "{SECRET}"}}', f'{{"account": 1, "password": "{SECRET}"}}', f'{{"password": "{SECRET}'],
)
def test_arguments_that_do_not_fit(agents: AgentsKit, caplog: pytest.LogCaptureFixture, arguments: str) -> None:
    agents.scripted_llm(Clerk, raw_call("sign_in", arguments), "Done.")
    run = start_run(Clerk, "x")
    agents.run_until_idle()
    agents.assert_completed(run)
    assert office.call_of(run).error_code == "invalid_arguments"
    assert_nowhere(caplog)


def test_the_scan_sees_every_table_of_ours() -> None:
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
    ours: list[type[models.Model]] = list(apps.get_app_config("agents_app").get_models())
    assert {model._meta.db_table for model in ours} <= tables
    assert AgentContext in ours


def test_what_no_key_opens_any_more_is_shown_masked_and_stops_no_page(agents: AgentsKit) -> None:
    run, request = waiting(agents)
    admin = get_user_model().objects.create_superuser("root")
    assert SECRET in str(presentation.approval_as_dict(request, admin))
    with override_settings(AGENTS_APP={**settings.AGENTS_APP, "ENCRYPTION_KEYS": ["another"]}):
        call = office.call_of(run)
        shown = presentation.call_as_dict(call, admin)
        assert (shown["arguments"]["password"], shown["sensitive_hidden"]) == ("***", True)
        assert "***" in str(presentation.approval_as_dict(request, admin))
        assert "***" in str(presentation.transcript_as_dict(office.context_of(run), admin))


def test_what_comes_back_hidden_stays_what_it_is(agents: AgentsKit) -> None:
    run, request = waiting(agents)
    dora, edit = office.decider(), {"account": "bob", "password": "***"}
    with override_settings(AGENTS_APP={**settings.AGENTS_APP, "ENCRYPTION_KEYS": ["another"]}):
        with pytest.raises(WrongState) as refused:
            approve(request.pk, by=dora, digest=request.digest, arguments=edit)
        assert refused.value.code == "key_lost"
    approve(request.pk, by=dora, digest=request.digest, arguments=edit)
    agents.run_until_idle()
    agents.assert_completed(run)
    assert office.done == [("sign_in", ("bob", SECRET))]


@pytest.mark.parametrize(
    "kind",
    [ToolFailed, ToolRetry, ApprovalRequired, RuntimeError, "chained"],
    ids=lambda kind: getattr(kind, "__name__", kind),
)
def test_an_exception_that_quotes_it_tells_nobody(
    agents: AgentsKit, caplog: pytest.LogCaptureFixture, kind: Any, tmp_path: Any, settings: Any
) -> None:
    """Neither rows nor log lines, and no door, whoever looks; and no archive afterwards."""
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "agents_archive": backend}

    def quotes(_: Any, value: Any) -> None:
        if kind == "chained":
            try:
                raise ValueError(f"401 for {value[1]}")
            except ValueError as error:
                raise RuntimeError("no entrance") from error
        raise kind(f"cannot sign in with {value[1]}")

    office.behaviour["sign_in"] = quotes
    run, request = waiting(agents)
    approve(request.pk, by=office.decider(), digest=request.digest)
    agents.run_until_idle()
    assert office.names() == ["sign_in"]
    assert_nowhere(caplog)
    if kind in (RuntimeError, "chained"):
        assert "Tool sign_in raised." in caplog.text
        assert "***" in caplog.text
        settle_outcome(
            office.call_of(run).pk, "give_up", by=office.person("sue", "agents_app.settle_toolcall"), reason="lost"
        )
    agents.run_until_idle()
    assert_no_door_tells(run)
    agents.assert_completed(run)
    archive_runs(days=0)
    packed = [gzip.decompress(path.read_bytes()) for path in tmp_path.rglob("*.gz")]
    assert len(packed) == 1
    assert b"sign_in" in packed[0]
    assert SECRET.encode() not in packed[0]
    assert_nowhere_but_gone(caplog)


def assert_no_door_tells(run: Run[str]) -> None:
    """REST and admin pages, for somebody who sees everything but what is sensitive."""
    sees = ("view_agentcontext", "view_transcript", "view_approvalrequest", "settle_toolcall")
    viewer = office.person("vera", *(f"agents_app.{name}" for name in sees), is_staff=True)
    client = Client()
    client.force_login(viewer)
    call = office.call_of(run)
    addresses = [f"/api/runs/{run.id}/{part}" for part in ("", "steps/", "tool-calls/", "events/", "transcript/")]
    addresses += [f"/api/tool-calls/{call.pk}/", f"/api/approvals/{office.request_of(run).pk}/"]
    addresses += [f"/admin/agents_app/agentcontext/{run.id}/change/", f"/admin/agents_app/toolcall/{call.pk}/change/"]
    addresses += [
        f"/admin/agents_app/{name}/" for name in ("agentcontext", "toolcall", "approvalrequest", "agentevent")
    ]
    for address in addresses:
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert SECRET not in answer.content.decode(), address


def assert_nowhere_but_gone(caplog: pytest.LogCaptureFixture) -> None:
    for secret in (SECRET, "hunter2"):
        assert secret not in everything_stored()
        assert secret not in caplog.text
