"""A run waits for approval, the code changes, and it wakes: every policy, every door's way out."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from agents_app import services
from agents_app.definitions.registry import registry
from agents_app.exceptions import CodeChanged, NotPermitted, StaleDigest
from agents_app.gate import definition_records
from agents_app.models import AgentEvent, ApprovalRequest, DefinitionRecord, RunDetails, database_now
from agents_app.services import Run, read_code_change, start_run
from agents_app.testing import (
    approve_pending,
    calls,
    event_types,
    move_time,
    reject_pending,
    run_until_idle,
    scripted_llm,
)
from agents_app.ws.calling import Caller
from agents_app.ws.commands import perform
from tests import office
from tests.scenarios import releases
from tests.scenarios.checks import assert_sound
from tests.scenarios.releases import (
    Asking,
    Dropping,
    Failing,
    First,
    Misleading,
    Renamed,
    Reworded,
    Second,
    Strict,
    Third,
    Without,
)

PAY = calls("pay", to="Ada", cents=12050)
Waiting = Callable[..., Run[Any]]


@pytest.fixture
def waiting() -> Waiting:
    """A run of the first release that waits for approval (or has it, if somebody decides)."""
    releases.paid.clear()
    definition_records._known.clear()

    def begin(by: Any = None, **options: Any) -> Run[Any]:
        with registry.override(First), scripted_llm(First, PAY, "Done."):
            run: Run[Any] = start_run(First, "go", **options)
            run_until_idle()
            if by is not None:
                approve_pending(run, by=by)
        return run.again()

    return begin


def wake(run: Run[Any], agent: Any, *, later: float = 0, turns: tuple[Any, ...] = (PAY, "Done.")) -> Run[Any]:
    """Let a worker that has this code go on with it."""
    with registry.override(agent), scripted_llm(agent, *turns), move_time(later):
        run_until_idle()
    return run.again()


def changes(run: Run[Any]) -> list[dict[str, Any]]:
    found = AgentEvent.objects.filter(context_id=run.id, type="run.code_changed").order_by("sequence")
    return [event.data for event in found]


def details_of(run: Run[Any]) -> RunDetails:
    return RunDetails.objects.get(pk=run.id)


# continue


def test_it_goes_on_if_its_calls_fit(waiting: Waiting, dora: Any) -> None:
    run = wake(waiting(by=dora), Reworded)
    assert run.output == "Done."
    assert releases.paid[0][:2] == ("1", "Ada")
    assert [(each["how"], each["before"], each["after"]) for each in changes(run)] == [("continued", "1", "1")]
    assert details_of(run).definition_hash == _hash(Reworded)
    assert_sound(run)


def _hash(agent: Any) -> str:
    with registry.override(agent):
        return registry.get("payer").hash


def test_the_same_code_says_nothing(waiting: Waiting, dora: Any) -> None:
    run = wake(waiting(by=dora), First)
    assert run.output == "Done."
    assert changes(run) == []


def test_another_name_alone_is_no_other_code(waiting: Waiting, dora: Any) -> None:
    run = wake(waiting(by=dora), Renamed)
    assert run.output == "Done."
    assert changes(run) == []


def test_it_asks_if_a_schema_has_changed_and_no_approval_is_reused(waiting: Waiting, dora: Any) -> None:
    run = wake(waiting(by=dora), Second)
    details = details_of(run)
    assert (run.status, details.held_by, details.held_code) == ("paused", "", "code_changed")
    assert "from version 1 to 2" in details.held_why
    assert "pay do not fit" in details.held_why
    with registry.override(Second):
        services.resume_run(run.id, by=dora, accept_changes=_accepted(run, dora))
    assert office.request_of(run).status == "withdrawn"
    assert (office.call_of(run).status, office.call_of(run).error_code) == ("rejected", "tool_changed")
    run = wake(run, Second, turns=(PAY, calls("pay", to="Ada", amount="120.50"), "Done."))
    assert run.status == "waiting_for_approval"
    assert releases.paid == []
    assert_sound(run)


def test_it_asks_after_a_while_if_a_tool_is_gone(waiting: Waiting, dora: Any) -> None:
    run = waiting(by=dora)
    assert wake(run, Without).status == "using_tool"  # others may know it
    assert wake(run, Without, later=601).status == "paused"
    with registry.override(Without):
        services.resume_run(run.id, by=dora, accept_changes=_accepted(run, dora))
    run = wake(run, Without)
    assert (office.call_of(run).status, office.call_of(run).error_code) == ("rejected", "unknown_tool")
    assert run.output == "Done."
    assert_sound(run)


def _accepted(run: Run[Any], by: Any) -> str:
    change = read_code_change(run.id, by=by)
    assert change is not None
    return change.code


# ask, fail


def test_ask_asks_whatever_has_changed(waiting: Waiting, dora: Any) -> None:
    run = wake(waiting(by=dora), Asking)
    assert (run.status, details_of(run).held_code) == ("paused", "code_changed")
    with registry.override(Asking):
        with pytest.raises(CodeChanged) as refused:
            services.resume_run(run.id, by=dora)
        with pytest.raises(CodeChanged, match="changed again"):
            services.resume_run(run.id, by=dora, accept_changes="0" * 64)
        services.resume_run(run.id, by=dora, accept_changes=refused.value.details["accept_changes"])
    run = wake(run, Asking)
    assert run.output == "Done."
    assert [(each["how"], each["by"]) for each in changes(run)] == [("accepted", "dora")]
    assert len(releases.paid) == 1  # under the approval of before: the call is the same
    assert_sound(run)


def test_what_only_waits_for_people_is_not_asked_about(waiting: Waiting) -> None:
    assert wake(waiting(), Asking).status == "waiting_for_approval"


def test_a_run_held_for_its_code_can_be_cancelled(waiting: Waiting, dora: Any) -> None:
    run = wake(waiting(by=dora), Asking)
    services.cancel_run(run.id, by=dora)
    assert run.again().status == "cancelled"
    assert releases.paid == []
    assert_sound(run)


def test_fail_fails_with_its_own_code_and_a_retry_accepts(waiting: Waiting, dora: Any) -> None:
    run = wake(waiting(by=dora), Strict)
    assert run.error is not None
    assert run.error[0] == "code_changed"
    with registry.override(Strict):
        with pytest.raises(CodeChanged):
            services.retry_run(run.id, by=dora)
        services.retry_run(run.id, by=dora, accept_changes=_accepted(run, dora))
    assert wake(run, Strict).output == "Done."
    assert_sound(run)


# migrations


def test_functions_bring_it_along_one_after_the_other(waiting: Waiting, dora: Any) -> None:
    run = waiting(by=dora, metadata={"team": "a"})
    before = office.call_of(run)
    run = wake(run, Third)
    call = office.call_of(run)
    assert (call.tool, json.loads(call.arguments)) == ("transfer", {"to": "Ada", "amount": "120.5", "currency": "EUR"})
    assert call.digest != before.digest
    assert call.proposed_arguments == before.arguments
    assert run.status == "waiting_for_approval"  # the approval of before does not count for other arguments
    assert [request.status for request in ApprovalRequest.objects.filter(call=call).order_by("pk")] == [
        "withdrawn",
        "pending",
    ]
    assert details_of(run).metadata == {"team": "a", "migrated": ["2", "3"]}
    with registry.override(Third):
        approve_pending(run, by=dora)
    run = wake(run, Third)
    assert run.output == "Done."
    assert [release for release, *_ in releases.paid] == ["3"]
    assert [(each["how"], each["before"], each["after"]) for each in changes(run)] == [("migrated", "1", "3")]
    assert_sound(run)


def test_a_call_that_was_decided_against_is_history(waiting: Waiting, dora: Any) -> None:
    run = waiting()
    reject_pending(run, by=dora)
    run = wake(run, Third)
    assert (office.call_of(run).tool, office.call_of(run).status) == ("pay", "rejected")
    assert run.output == "Done."
    assert [each["how"] for each in changes(run)] == ["migrated"]
    assert_sound(run)


def test_a_function_may_drop_a_call(waiting: Waiting, dora: Any) -> None:
    run = wake(waiting(by=dora), Dropping)
    call = office.call_of(run)
    assert (call.status, call.error) == ("rejected", "Payments have moved to another department.")
    assert run.output == "Done."
    assert_sound(run)


@pytest.mark.parametrize(("agent", "words"), [(Failing, "LookupError"), (Misleading, "amount")])
def test_a_function_that_fails_holds_the_run(waiting: Waiting, dora: Any, agent: Any, words: str) -> None:
    run = wake(waiting(by=dora), agent)
    details = details_of(run)
    assert (run.status, details.held_code) == ("paused", "migration_failed")
    assert words in details.held_why
    assert "Ada" not in details.held_why
    assert office.call_of(run).tool == "pay"
    assert_sound(run)
    services.resume_run(run.id, by=dora)  # the function was mended meanwhile
    assert wake(run, Third).status == "waiting_for_approval"
    assert_sound(run)


def test_what_was_started_stays_as_it_is(waiting: Waiting, dora: Any) -> None:
    """A call whose outcome is not known is no call that a function may change."""
    run = waiting(by=dora)
    call = office.call_of(run)
    type(call).objects.filter(pk=call.pk).update(attempt=1, in_doubt=True)
    run = wake(run, Third)
    assert (run.status, details_of(run).held_code) == ("paused", "code_changed")
    assert office.call_of(run).tool == "pay"


# two releases beside each other


def test_an_old_worker_leaves_newer_runs_alone(waiting: Waiting, dora: Any) -> None:
    run = waiting(by=dora)
    with registry.override(Reworded):
        definition_records.remember(registry.get("payer"))
    now = database_now()
    DefinitionRecord.objects.filter(pk=_hash(First)).update(seen_at=now)
    DefinitionRecord.objects.filter(pk=_hash(Reworded)).update(seen_at=now.replace(year=now.year - 1))
    assert wake(run, Reworded).status == "using_tool"
    assert changes(run) == []
    assert wake(run, First, later=6).output == "Done."
    assert changes(run) == []


def test_after_patience_an_old_worker_takes_it_all_the_same(waiting: Waiting, dora: Any) -> None:
    """The newer release was taken back."""
    run = waiting(by=dora)
    with registry.override(Reworded):
        definition_records.remember(registry.get("payer"))
    now = database_now()
    DefinitionRecord.objects.filter(pk=_hash(Reworded)).update(seen_at=now.replace(year=now.year - 1))
    wake(run, Reworded)
    assert wake(run, Reworded, later=601).output == "Done."


@pytest.mark.parametrize("later", [0, 601])
def test_rows_of_a_newer_schema_are_left_alone_then_failed(waiting: Waiting, dora: Any, later: float) -> None:
    run = waiting(by=dora)
    RunDetails.objects.filter(pk=run.id).update(schema_version=2)
    wake(run, First)
    run = wake(run, First, later=later)
    assert run.status == ("failed" if later else "using_tool")
    assert releases.paid == []
    if later:
        assert run.error is not None
        assert run.error[0] == "newer_schema"
        RunDetails.objects.filter(pk=run.id).update(schema_version=1)


# doors


@pytest.fixture
def held(waiting: Waiting, dora: Any) -> Run[Any]:
    return wake(waiting(by=dora), Asking)


def test_the_difference_is_shown_to_those_who_control_runs(held: Run[Any], dora: Any, carl: Any) -> None:
    with registry.override(Asking):
        change = read_code_change(held.id, by=dora)
        assert change is not None
        assert [(each.what, each.before, each.after) for each in change.differences] == [
            ("instructions", "Pay what you are told to.", "Pay what you are told to, politely.")
        ]
        assert change.misfits == ()
        owner = office.person("wendy", "agents_app.view_agentcontext")
        with pytest.raises(NotPermitted):
            read_code_change(held.id, by=owner)
        with pytest.raises(NotPermitted):
            services.resume_run(held.id, by=owner, accept_changes=change.code)


def test_over_rest(held: Run[Any], dora: Any, client: Client) -> None:
    client.force_login(dora)
    where = f"/api/runs/{held.id}"
    with registry.override(Asking), scripted_llm(Asking, PAY, "Done."):
        assert client.get(f"{where}/").json()["held_code"] == "code_changed"
        shown = client.get(f"{where}/code-change/").json()
        assert shown["differences"][0]["what"] == "instructions"
        refused = client.post(f"{where}/resume/", {}, content_type="application/json")
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "code_changed")
        body = {"accept_changes": shown["code"]}
        assert client.post(f"{where}/resume/", body, content_type="application/json").status_code == 200
        assert client.get(f"{where}/code-change/").json()["changed"] is False
        run_until_idle()
    assert held.again().output == "Done."


def test_in_the_admin(held: Run[Any], dora: Any, client: Client) -> None:
    type(dora).objects.filter(pk=dora.pk).update(is_staff=True)
    client.force_login(dora)
    page = f"/admin/agents_app/agentcontext/{held.id}"
    with registry.override(Asking), scripted_llm(Asking, PAY, "Done."):
        html = client.get(f"{page}/change/").content.decode()
        assert "Go on under the new code" in html
        assert "politely" in html
        assert "Cancel the run" in html
        assert ">Resume<" not in html
        client.post(f"{page}/accept/command/", {"accept_changes": "stale"})
        assert held.again().status == "paused"
        change = read_code_change(held.id, by=dora)
        assert change is not None
        assert f'value="{change.code}"' in html
        client.post(f"{page}/accept/command/", {"accept_changes": change.code})
        run_until_idle()
        assert "accepted the new code" in client.get(f"{page}/change/").content.decode()
    assert held.again().output == "Done."


def test_on_the_command_line(held: Run[Any], capsys: pytest.CaptureFixture[str]) -> None:
    with registry.override(Asking), scripted_llm(Asking, PAY, "Done."):
        call_command("agents_show", str(held.id))
        shown = capsys.readouterr().out
        assert "instructions: Pay what you are told to. → Pay what you are told to, politely." in shown
        assert shown.count("agents_resume") == 1  # the one that accepts the change; without it, it would be refused
        code = shown.partition("--accept-changes ")[2].split()[0]
        call_command("agents_resume", str(held.id), accept_changes=code)
        run_until_idle()
    assert held.again().output == "Done."
    assert "run.resumed" in event_types(held)


def test_an_edit_does_not_mix_two_releases(waiting: Waiting, dora: Any) -> None:
    """The arguments would be checked by one schema and approved for another."""
    run = waiting()
    with registry.override(Second), pytest.raises(StaleDigest, match="changed"):
        approve_pending(run, by=dora, arguments={"to": "Ada", "amount": "1"})
    assert office.request_of(run).status == "pending"


def _by_rest(run: Run[Any], user: Any) -> None:
    client = APIClient()
    client.force_login(user)
    assert client.get(f"/api/runs/{run.id}/").json()["held_code"] == "migration_failed"
    answer = client.post(f"/api/runs/{run.id}/resume/", {}, format="json")
    assert answer.status_code == 200, answer.json()


def _by_websocket(run: Run[Any], user: Any) -> None:
    caller = Caller(user=user, origin=services.Origin(door="websocket"), run_id=run.id)
    assert perform('{"type": "command", "id": "c1", "name": "resume"}', caller).ok


def _by_command(run: Run[Any], user: Any) -> None:
    call_command("agents_resume", str(run.id), "--as", user.get_username())


def _by_admin(run: Run[Any], user: Any) -> None:
    type(user).objects.filter(pk=user.pk).update(is_staff=True)
    client = Client()
    client.force_login(user)
    page = client.get(reverse("admin:agents_app_agentcontext_change", args=[run.id])).content.decode()
    address = reverse("admin:agents_app_agentcontext_command", args=[run.id, "resume"])
    assert f'formaction="{address}"' in page
    client.post(address)


@pytest.mark.parametrize(
    "door", [_by_rest, _by_websocket, _by_command, _by_admin], ids=["rest", "websocket", "command", "admin"]
)
def test_a_migration_that_failed_is_tried_again_through_every_door(waiting: Waiting, dora: Any, door: Any) -> None:
    run = wake(waiting(by=dora), Failing)
    assert (run.status, details_of(run).held_code) == ("paused", "migration_failed")
    with registry.override(Third):  # the function was mended meanwhile
        door(run, dora)
    assert details_of(run).held_code == ""
    run = wake(run, Third)
    assert run.status == "waiting_for_approval"
    assert [each["how"] for each in changes(run)] == ["migrated"]
    assert_sound(run)
