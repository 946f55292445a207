"""Whatever was decided before, a call is judged again right before it starts. Every doubt means: do not run."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from agents_app.core.status import RunStatus, ToolCallStatus
from agents_app.definitions.registry import definition_of
from agents_app.models import AgentEvent, ApprovalRequest, Decision, ToolCall, database_now
from agents_app.services import Run, approve, start_run
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.office import Clerk

pytestmark = pytest.mark.django_db


@pytest.fixture
def approved(agents: AgentsKit) -> Run[Any]:
    """A run with an approved payment that no worker has started yet."""
    agents.scripted_llm(Clerk, calls("pay", to="Ada", amount="99"), "Done.")
    run = start_run(Clerk, "x")
    agents.run_until_idle()
    request = office.request_of(run)
    approve(request.pk, by=office.decider(), digest=request.digest)
    return run


def dora() -> Any:
    return get_user_model().objects.get(username="dora")


def lose_permission() -> None:
    dora().user_permissions.clear()


def become_inactive() -> None:
    get_user_model().objects.update(is_active=False)


def be_deleted() -> None:
    dora().delete()


def change_the_arguments() -> None:
    ToolCall.objects.update(arguments='{"amount":"9999","to":"Eve"}')


def change_the_digest() -> None:
    ToolCall.objects.update(digest="0" * 64)


def approve_another_digest() -> None:
    ApprovalRequest.objects.update(digest="0" * 64)


def lose_the_decision() -> None:
    Decision.objects.all()._raw_delete("default")


def let_it_get_old() -> None:
    ApprovalRequest.objects.update(valid_until=database_now() - timedelta(seconds=1))


DOUBTS = [
    lose_permission,
    become_inactive,
    be_deleted,
    change_the_arguments,
    change_the_digest,
    approve_another_digest,
    lose_the_decision,
    let_it_get_old,
]


def test_without_a_doubt_it_runs(approved: Run[Any], agents: AgentsKit) -> None:
    agents.run_until_idle()
    assert office.names() == ["pay"]


@pytest.mark.parametrize("doubt", DOUBTS)
def test_a_doubt_asks_people_anew(approved: Run[Any], agents: AgentsKit, doubt: Callable[[], None]) -> None:
    before = office.request_of(approved)
    doubt()
    agents.run_until_idle()
    assert office.done == []
    assert approved.again().status is RunStatus.WAITING_FOR_APPROVAL
    after = office.request_of(approved)
    before.refresh_from_db()
    assert (before.status, after.status, after.supersedes) == ("withdrawn", "pending", before)
    assert after.reason


@pytest.mark.parametrize("said", ["The shop is closed.", False, None, 1])
def test_a_precondition_refuses_for_good(approved: Run[Any], agents: AgentsKit, said: Any) -> None:
    office.behaviour["pay.precondition"] = lambda *_: said
    agents.run_until_idle()
    assert office.done == []
    agents.assert_completed(approved)
    call = office.call_of(approved)
    assert (call.status, call.error_code) == (ToolCallStatus.REJECTED, "precondition")
    if isinstance(said, str):
        assert call.error == said
    assert office.request_of(approved).status == "withdrawn"


def test_a_precondition_that_breaks_refuses(approved: Run[Any], agents: AgentsKit) -> None:
    def breaks(*_: Any) -> bool:
        raise ValueError("secret")

    office.behaviour["pay.precondition"] = breaks
    agents.run_until_idle()
    assert office.done == []
    assert "secret" not in office.call_of(approved).error


def test_nobody_is_bothered_with_what_cannot_be_done_anyway(agents: AgentsKit) -> None:
    office.behaviour["pay.precondition"] = lambda *_: "Ada has no account."
    agents.scripted_llm(Clerk, calls("pay", to="Ada", amount="99"), "Done.")
    run = start_run(Clerk, "x")
    agents.run_until_idle()
    agents.assert_completed(run)
    assert not ApprovalRequest.objects.exists()


def test_the_rule_is_asked_again_also_for_calls_that_it_allowed(
    agents: AgentsKit,
) -> None:
    said = [False, "now it does"]
    office.behaviour["pay.needs_approval"] = lambda *_: said.pop(0) if len(said) > 1 else said[0]
    office.behaviour["look"] = lambda *_: "seen"
    agents.scripted_llm(Clerk, [calls("look", number="1"), calls("pay", to="Ada", amount="1")], "Done.")
    run = start_run(Clerk, "x")
    agents.run_until_idle()
    # It was judged with the turn, and again when its place had come.
    assert office.names() == ["look"]
    assert office.request_of(run).reason == "now it does"


def test_a_tool_that_has_changed_since_is_not_called(
    approved: Run[Any], agents: AgentsKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(definition_of(Clerk).tools["pay"].__dict__, "schema_hash", "another")
    agents.run_until_idle()
    assert office.done == []


def test_a_permission_that_the_tool_asks_for_since_is_needed_too(
    approved: Run[Any], agents: AgentsKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(definition_of(Clerk).tools["pay"].__dict__, "permission", "auth.delete_group")
    agents.run_until_idle()
    assert office.done == []
    assert office.request_of(approved).permission == "auth.delete_group"


def test_what_a_precondition_says_stands_in_no_event(approved: Run[Any], agents: AgentsKit) -> None:
    office.behaviour["pay.precondition"] = lambda *_: "Ada has no account."
    agents.run_until_idle()
    assert office.call_of(approved).error == "Ada has no account."
    events = AgentEvent.objects.filter(context_id=approved.id)
    assert events.get(type="approval.withdrawn").data["reason"] == "The call is refused: precondition."
    assert "Ada has no account" not in str(list(events.values_list("data", flat=True)))
