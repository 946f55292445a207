"""Deciding: who may, what counts as the same decision, and what a decision is refused for."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.test import override_settings

from agents_app.core.status import ApprovalStatus, RunStatus, ToolCallStatus, Verdict
from agents_app.exceptions import (
    AlreadyDecided,
    Expired,
    InvalidArguments,
    InvalidInput,
    NotFound,
    NotPermitted,
    StaleDigest,
    WrongState,
)
from agents_app.models import AgentContext, ApprovalRequest, Decision
from agents_app.services import (
    SYSTEM,
    Origin,
    Run,
    approve,
    cancel_run,
    pause_run,
    reject,
    resume_run,
    send_back,
    settle_outcome,
    start_run,
)
from agents_app.testing import AgentsKit, calls
from agents_app.testing.executor import WAITING
from tests import office
from tests.office import Clerk

pytestmark = pytest.mark.django_db
PAY = calls("pay", to="Ada", amount="120.00")
LATER = calls("order", what="tea")


def waiting(agents: AgentsKit, *turns: Any, user: Any = None) -> tuple[Run[str], ApprovalRequest]:
    agents.scripted_llm(Clerk, *(turns or (PAY, "Done.")))
    run = start_run(Clerk, "Pay Ada.", user=user)
    agents.run_until_idle()
    return run, office.request_of(run)


# Approving.


def test_an_approved_call_is_made_once_with_exactly_the_arguments_shown(agents: AgentsKit) -> None:
    run, request = waiting(agents)
    assert (request.reason, request.summary, request.permission) == (
        "more than 50",
        "Pay 120 to Ada",
        "auth.view_group",
    )
    decided = approve(request.pk, by=office.decider(), digest=request.digest, reason="fine")
    assert decided.status == ApprovalStatus.APPROVED
    assert office.done == []
    agents.run_until_idle()
    agents.assert_completed(run, "Done.")
    assert office.done == [("pay", ("Ada", Decimal(120)))]


def test_the_decision_is_recorded_with_door_address_and_both_digests(agents: AgentsKit) -> None:
    run, request = waiting(agents)
    dora = office.decider()
    approve(request.pk, by=dora, digest=request.digest, origin=Origin(door="rest", address="10.0.0.7"), reason="ok\x00")
    decision = Decision.objects.get()
    assert (decision.verdict, decision.user, decision.user_name) == (Verdict.APPROVED, dora, "dora")
    assert (decision.door, decision.address, decision.reason) == ("rest", "10.0.0.7", "ok\N{REPLACEMENT CHARACTER}")
    assert decision.digest == decision.digest_shown == request.digest == office.call_of(run).digest


def test_an_edit_changes_what_is_called_and_both_texts_are_kept(agents: AgentsKit) -> None:
    run, request = waiting(agents)
    approve(
        request.pk, by=office.decider(), digest=request.digest, arguments={"to": "Ada", "amount": "100"}, reason="less"
    )
    agents.run_until_idle()
    assert office.done == [("pay", ("Ada", Decimal(100)))]
    decision, call = Decision.objects.get(), office.call_of(run)
    assert decision.arguments == call.arguments == '{"amount":"100","to":"Ada"}'
    assert decision.arguments_before == call.proposed_arguments == '{"amount":"120","to":"Ada"}'
    assert decision.digest_shown == request.digest != decision.digest == call.digest
    assert "approval.edited" in agents.event_types(run)


def test_an_edit_that_changes_nothing_is_no_edit(agents: AgentsKit) -> None:
    run, request = waiting(agents)
    approve(request.pk, by=office.decider(), digest=request.digest, arguments={"amount": "120.0", "to": "Ada"})
    assert not office.call_of(run).edited
    assert "approval.edited" not in agents.event_types(run)


@pytest.mark.parametrize("arguments", [{"to": "Ada"}, {"to": "Ada", "amount": "much"}, {"to": 1, "amount": 1}, []])
def test_an_edit_must_fit_the_tool(agents: AgentsKit, arguments: Any) -> None:
    _, request = waiting(agents)
    with pytest.raises(InvalidArguments):
        approve(request.pk, by=office.decider(), digest=request.digest, arguments=arguments)
    request.refresh_from_db()
    assert request.status == ApprovalStatus.PENDING


# Who may.

ALL = set(office.DECIDES)


@pytest.mark.parametrize("missing", sorted(ALL))
def test_each_permission_is_needed(agents: AgentsKit, missing: str) -> None:
    _, request = waiting(agents)
    by = office.person("pat", "agents_app.view_approvalrequest", *(ALL - {missing}))
    for decide in (
        lambda: approve(request.pk, by=by, digest=request.digest),
        lambda: reject(request.pk, by=by, reason="x"),
    ):
        with pytest.raises(NotPermitted, match=missing):
            decide()
    assert not Decision.objects.exists()


def test_who_may_not_know_of_it_is_told_that_it_is_not_there(agents: AgentsKit) -> None:
    _, request = waiting(agents)
    with pytest.raises(NotFound):
        approve(request.pk, by=office.person("pat"), digest=request.digest)
    for key in (uuid4(), "nonsense", 7, None):
        with pytest.raises(NotFound):
            approve(key, by=office.decider(f"dora-{key}"), digest=request.digest)


def test_the_owner_of_a_run_may_see_but_not_decide(agents: AgentsKit) -> None:
    owner = office.person("olga")
    _, request = waiting(agents, user=owner)
    with pytest.raises(NotPermitted):
        approve(request.pk, by=owner, digest=request.digest)


def test_an_inactive_person_decides_nothing(agents: AgentsKit) -> None:
    _, request = waiting(agents)
    dora = office.decider()
    dora.is_active = False
    with pytest.raises(NotFound):
        approve(request.pk, by=dora, digest=request.digest)


def test_the_system_is_no_person(agents: AgentsKit) -> None:
    _, request = waiting(agents)
    for decide in (
        lambda: approve(request.pk, by=SYSTEM, digest=request.digest),
        lambda: reject(request.pk, by=SYSTEM, reason="no"),
    ):
        with pytest.raises(NotPermitted, match="person"):
            decide()


# The same, another, too late.


def test_the_same_decision_by_the_same_person_is_repeated_without_effect(agents: AgentsKit) -> None:
    run, request = waiting(agents)
    dora = office.decider()
    first = approve(request.pk, by=dora, digest=request.digest)
    version = run.again().version
    assert approve(request.pk, by=dora, digest=request.digest) == first
    agents.run_until_idle()
    assert approve(request.pk, by=dora, digest=request.digest) == first
    assert Decision.objects.count() == 1
    assert run.again().version > version
    assert office.names() == ["pay"]


def test_the_same_edit_is_repeated_but_not_the_call_as_it_was_proposed(agents: AgentsKit) -> None:
    _, request = waiting(agents)
    dora, less = office.decider(), {"to": "Ada", "amount": "100"}
    approve(request.pk, by=dora, digest=request.digest, arguments=less)
    approve(request.pk, by=dora, digest=request.digest, arguments={"to": "Ada", "amount": 100.0})
    with pytest.raises(AlreadyDecided):
        approve(request.pk, by=dora, digest=request.digest)
    with pytest.raises(AlreadyDecided):
        approve(request.pk, by=dora, digest=request.digest, arguments={**less, "amount": "99"})
    assert Decision.objects.count() == 1


def test_a_second_decision_is_told_who_decided_what_and_when(agents: AgentsKit) -> None:
    _, request = waiting(agents)
    approve(request.pk, by=office.decider(), digest=request.digest)
    eve, made = office.decider("eve"), Decision.objects.get()
    for decide in (
        lambda: approve(request.pk, by=eve, digest=request.digest),
        lambda: reject(request.pk, by=eve, reason="no"),
    ):
        with pytest.raises(AlreadyDecided, match=r"dora approved this at \d{4}-") as caught:
            decide()
        assert caught.value.details == {"by": "dora", "verdict": "approved", "at": made.decided_at.isoformat()}


def test_the_same_person_cannot_turn_a_decision_round(agents: AgentsKit) -> None:
    _, request = waiting(agents)
    dora = office.decider()
    approve(request.pk, by=dora, digest=request.digest)
    with pytest.raises(AlreadyDecided):
        reject(request.pk, by=dora, reason="I was wrong")


@pytest.mark.parametrize("shown", ["", "0" * 64, None, "x" * 1000])
def test_a_decision_on_other_arguments_than_those_stored_is_refused(agents: AgentsKit, shown: Any) -> None:
    _, request = waiting(agents)
    with pytest.raises(StaleDigest):
        approve(request.pk, by=office.decider(), digest=shown)
    if shown is not None:
        with pytest.raises(StaleDigest):
            reject(request.pk, by=office.decider("eve"), reason="no", digest=shown)
    assert not Decision.objects.exists()


def test_a_decision_after_the_time_to_decide_is_refused_and_the_call_is_not_made(agents: AgentsKit) -> None:
    with override_settings(AGENTS_APP={"EXECUTOR": WAITING, "APPROVAL_EXPIRES_SECONDS": 60}):
        run, request = waiting(agents)
    assert request.expires_at is not None
    with agents.move_time(61):
        with pytest.raises(Expired):
            approve(request.pk, by=office.decider(), digest=request.digest)
        agents.run_until_idle()
        with pytest.raises(Expired):
            reject(request.pk, by=office.decider("eve"), reason="no")
    agents.assert_completed(run)
    assert office.done == []
    assert office.call_of(run).error_code == "approval_expired"
    assert "approval.expired" in agents.event_types(run)


def test_a_request_of_a_cancelled_run_is_withdrawn(agents: AgentsKit) -> None:
    run, request = waiting(agents)
    cancel_run(run.id, by=SYSTEM)
    request.refresh_from_db()
    assert request.status == ApprovalStatus.WITHDRAWN
    with pytest.raises(WrongState, match="withdrawn"):
        approve(request.pk, by=office.decider(), digest=request.digest)
    assert office.call_of(run).status == ToolCallStatus.CANCELLED


def test_a_paused_run_takes_decisions_and_acts_on_them_when_it_goes_on(agents: AgentsKit) -> None:
    run, request = waiting(agents)
    pause_run(run.id, by=SYSTEM, reason="audit")
    approve(request.pk, by=office.decider(), digest=request.digest)
    agents.run_until_idle()
    assert run.again().status is RunStatus.PAUSED
    assert office.done == []
    resume_run(run.id, by=SYSTEM)
    agents.run_until_idle()
    agents.assert_completed(run)
    assert office.names() == ["pay"]


# Rejecting.


def test_a_rejection_carries_its_reason_to_the_llm(agents: AgentsKit) -> None:
    heard: list[str] = []

    def answer(request: Any) -> str:
        heard.append(request.messages[-1].content)
        return "Sorry."

    run, request = waiting(agents, PAY, answer)
    reject(request.pk, by=office.decider(), reason="Ada has left.")
    agents.run_until_idle()
    agents.assert_completed(run, "Sorry.")
    assert office.done == []
    assert "Ada has left." in heard[0]


def test_what_is_sent_back_is_not_made_and_may_be_proposed_anew(agents: AgentsKit) -> None:
    heard: list[str] = []

    def again(request: Any) -> Any:
        heard.append(request.messages[-1].content)
        return calls("pay", to="Ada", amount="40.00")

    run, request = waiting(agents, PAY, again, "Done.")
    dora = office.decider()
    with pytest.raises(InvalidInput) as refused:
        send_back(request.pk, by=dora, instructions="  ")
    assert refused.value.code == "reason_required"
    with pytest.raises(StaleDigest):
        send_back(request.pk, by=dora, instructions="Less.", digest="0" * 64)
    back = send_back(request.pk, by=dora, instructions="At most 40.", digest=request.digest)
    assert send_back(request.pk, by=dora, instructions="At most 40.").status == back.status == ApprovalStatus.SENT_BACK
    assert office.call_of(run).error_code == "sent_back"
    agents.run_until_idle()
    agents.assert_completed(run, "Done.")
    assert agents.event_types(run).count("approval.sent_back") == 1
    assert office.done == [("pay", ("Ada", Decimal(40)))]
    assert heard == ["A person sent this call back; it was not made. Their instructions: At most 40."]
    with pytest.raises(AlreadyDecided) as late:
        approve(request.pk, by=office.decider("eve"), digest=request.digest)
    assert late.value.details["verdict"] == "sent_back"


def test_a_rejection_is_repeatable_and_needs_a_reason(agents: AgentsKit) -> None:
    _, request = waiting(agents)
    dora = office.decider()
    for reason in ("", "  \n"):
        with pytest.raises(InvalidInput, match="why"):
            reject(request.pk, by=dora, reason=reason)
    reject(request.pk, by=dora, reason="no")
    reject(request.pk, by=dora, reason="no", digest=request.digest)
    assert Decision.objects.count() == 1


# What was decided stays.


def test_deleting_the_decider_keeps_the_decision_with_the_name(agents: AgentsKit) -> None:
    _, request = waiting(agents)
    dora = office.decider()
    reject(request.pk, by=dora, reason="no")
    get_user_model().objects.get(pk=dora.pk).delete()
    decision = Decision.objects.get()
    assert (decision.user, decision.user_name, decision.reason) == (None, "dora", "no")


def test_deleting_the_owner_keeps_the_run(agents: AgentsKit) -> None:
    olga = office.person("olga")
    run, _ = waiting(agents, user=olga)
    olga.delete()
    context = office.context_of(run)
    assert (context.user, context.details.user_name, context.details.started_by_name) == (None, "olga", "olga")


def test_decisions_are_append_only(agents: AgentsKit) -> None:
    _, request = waiting(agents)
    reject(request.pk, by=office.decider(), reason="no")
    decision = Decision.objects.get()
    decision.reason = "yes"
    for write in (
        decision.save,
        decision.delete,
        Decision.objects.all().delete,
        lambda: Decision.objects.update(reason="yes"),
        lambda: Decision.objects.bulk_update([decision], ["reason"]),
    ):
        with pytest.raises(TypeError, match="append-only"):
            write()


# Unknown outcomes.


def unknown(agents: AgentsKit) -> Run[str]:
    def breaks(*_: Any) -> None:
        raise TimeoutError

    office.behaviour["ring"] = breaks
    agents.scripted_llm(Clerk, calls("ring", number="1"), "Rang.")
    run = start_run(Clerk, "Ring.")
    agents.run_until_idle()
    office.behaviour.clear()
    assert run.again().status is RunStatus.WAITING_FOR_APPROVAL
    assert office.call_of(run).status == ToolCallStatus.UNKNOWN
    return run


def settler() -> Any:
    return office.person("sam", "agents_app.settle_toolcall", "agents_app.view_agentcontext")


def test_it_happened_with_a_result(agents: AgentsKit) -> None:
    run = unknown(agents)
    call = settle_outcome(office.call_of(run).pk, "happened", by=settler(), result="hello\x00")
    assert (call.status, call.result) == (ToolCallStatus.SUCCEEDED, "hello\N{REPLACEMENT CHARACTER}")
    agents.run_until_idle()
    agents.assert_completed(run, "Rang.")
    assert office.names() == ["ring"]
    assert Decision.objects.get().verdict == Verdict.HAPPENED


def test_try_again_makes_the_call_again_with_the_same_key(agents: AgentsKit) -> None:
    run = unknown(agents)
    settle_outcome(office.call_of(run).pk, Verdict.TRY_AGAIN, by=settler())
    agents.run_until_idle()
    agents.assert_completed(run)
    assert office.names() == ["ring", "ring"]
    assert office.keys[0]
    assert len(set(office.keys)) == 1


def test_give_up_tells_the_llm(agents: AgentsKit) -> None:
    run = unknown(agents)
    settle_outcome(office.call_of(run).pk, "give_up", by=settler(), reason="Nobody knows.")
    agents.run_until_idle()
    agents.assert_completed(run)
    call = office.call_of(run)
    assert (call.status, call.error, call.error_code) == (ToolCallStatus.FAILED, "Nobody knows.", "given_up")


def test_settling_needs_its_permission_a_known_word_json_and_an_unknown_outcome(agents: AgentsKit) -> None:
    run = unknown(agents)
    call, sam = office.call_of(run), settler()
    viewer = office.person("vera", "agents_app.view_agentcontext", "agents_app.view_transcript")
    with pytest.raises(NotPermitted):
        settle_outcome(call.pk, "happened", by=viewer)
    with pytest.raises(NotFound):
        settle_outcome(call.pk, "happened", by=office.person("pat"))
    with pytest.raises(InvalidInput, match="happened, try_again, give_up"):
        settle_outcome(call.pk, "approved", by=sam)
    for result in (object(), float("nan")):
        with pytest.raises(InvalidInput):
            settle_outcome(call.pk, "happened", by=sam, result=result)
    with pytest.raises(NotPermitted) as refusal:
        settle_outcome(call.pk, "happened", by=viewer, result="rang")
    assert refusal.value.details == {"rule": "agents_app.settle_toolcall"}
    settle_outcome(call.pk, "happened", by=sam, result="rang")
    with pytest.raises(WrongState, match="succeeded"):
        settle_outcome(call.pk, "give_up", by=sam)


@pytest.mark.parametrize(
    ("verdict", "given", "code", "text", "path"),
    [
        ("happened", {}, "result_invalid", "Say what ring returned", ["result"]),
        ("happened", {"result": {"ok": True}}, "result_invalid", "ring could not have returned this", ["result"]),
        ("try_again", {"result": "rang"}, "result_invalid", "Only what happened has a result.", None),
        ("give_up", {"reason": " "}, "reason_required", "Say why", None),
    ],
)
def test_what_says_too_little_or_too_much_of_an_outcome_is_refused(
    agents: AgentsKit, verdict: str, given: dict[str, Any], code: str, text: str, path: list[str] | None
) -> None:
    run = unknown(agents)
    call = office.call_of(run)
    with pytest.raises(InvalidInput, match=text) as refusal:
        settle_outcome(call.pk, verdict, by=settler(), **given)
    assert refusal.value.code == code
    assert [error["path"] for error in refusal.value.details.get("errors", [])] == ([path] if path else [])
    assert (office.call_of(run).status, Decision.objects.count()) == (ToolCallStatus.UNKNOWN, 0)


def test_of_a_tool_that_is_gone_any_result_is_taken(agents: AgentsKit) -> None:
    run = unknown(agents)
    AgentContext.objects.filter(pk=run.id).update(agent="gone")
    call = settle_outcome(office.call_of(run).pk, "happened", by=settler(), result={"ok": True})
    assert call.result == {"ok": True}


def test_in_an_ended_run_an_outcome_is_settled_for_the_record_alone(agents: AgentsKit) -> None:
    run = unknown(agents)
    cancel_run(run.id, by=SYSTEM)
    call, sam = office.call_of(run), settler()
    assert (run.again().status, call.status) == (RunStatus.CANCELLED, ToolCallStatus.UNKNOWN)
    with pytest.raises(WrongState, match="ended"):
        settle_outcome(call.pk, "try_again", by=sam)
    assert settle_outcome(call.pk, "happened", by=sam, result="yes").status == ToolCallStatus.SUCCEEDED
    assert run.again().status is RunStatus.CANCELLED
    assert office.context_of(run).due_at is None


def test_a_call_whose_outcome_was_never_learned_cannot_be_edited(agents: AgentsKit) -> None:
    """It keeps its idempotency key: other arguments under that key would be another act."""

    def breaks(*_: Any) -> None:
        raise ValueError

    run, request = waiting(agents, LATER, "Done.")
    dora = office.decider()
    office.behaviour["order"] = breaks
    approve(request.pk, by=dora, digest=request.digest)
    agents.run_until_idle()
    call = office.call_of(run)
    assert (call.status, call.attempt) == (ToolCallStatus.UNKNOWN, 2)
    settle_outcome(call.pk, "try_again", by=settler())
    with agents.move_time(7200):  # the approval is no longer valid
        agents.run_until_idle()
        again = office.request_of(run)
        assert again.supersedes == request
        with pytest.raises(WrongState):
            approve(again.pk, by=dora, digest=again.digest, arguments={"what": "coffee"})
        office.behaviour.clear()
        approve(again.pk, by=dora, digest=again.digest)
        agents.run_until_idle()
    agents.assert_completed(run)
    assert len(set(office.keys)) == 1
