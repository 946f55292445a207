"""A sensitive argument is stored sealed, shown masked, opened at dispatch, and found nowhere else."""

import logging
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection, models
from django.test import override_settings

from agents_app import ToolFailed
from agents_app.exceptions import WrongState
from agents_app.models import AgentContext, AgentEvent, ApprovalRequest, Decision
from agents_app.models.sealing import unseal
from agents_app.selectors import presentation
from agents_app.services import Run, approve, reject, start_run
from agents_app.testing import AgentsKit, calls, raw_call
from tests import office
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
