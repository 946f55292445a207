"""Promise 3, of the people: an outcome that nobody knows is settled once, by who may, and as it can have been."""

from typing import Any

import pytest
from django.db.models import QuerySet

from agents_app import services
from agents_app.core.transcript import LLMRequest
from agents_app.exceptions import InvalidInput, NotFound, NotPermitted, WrongState
from agents_app.models import AgentContext, DatabaseNow, Decision, ToolCall
from agents_app.services import Run
from agents_app.testing import calls, run_until_idle
from tests import office
from tests.promises.mutants import mutant
from tests.promises.stage import Stage


def lost_once(context: Any, value: Any) -> str:
    if context.attempt == 1:
        raise TimeoutError("The bank did not answer.")
    return "second"


def told(request: LLMRequest) -> str:
    """What the LLM reads of the call is what it answers."""
    return request.messages[-1].content  # type: ignore[union-attr,no-any-return]


def lost(stage: Stage, **options: Any) -> tuple[Run[str], ToolCall]:
    """A run with a call whose outcome nobody knows, and which would succeed if it were made again."""
    office.behaviour["ring"] = lost_once
    run = stage.play(calls("ring", number="7"), told, **options)
    call = office.call_of(run)
    assert (call.status, office.names()) == ("unknown", ["ring"])
    return run, call


def refused_as(kind: type[Exception], call: ToolCall, verdict: str, **said: Any) -> str:
    """That settling is refused so, and changes nothing; its code."""
    with pytest.raises(kind) as refused:
        services.settle_outcome(call.pk, verdict, **said)
    run_until_idle()
    call.refresh_from_db()
    assert (call.status, office.names()) == ("unknown", ["ring"])
    assert not Decision.objects.filter(call=call).exists()
    return str(getattr(refused.value, "code", ""))


# What each word does.


def test_what_happened_is_not_done_again(stage: Stage) -> None:
    run, call = lost(stage)
    services.settle_outcome(call.pk, "happened", by=stage.dora, result="It rang.")
    run_until_idle()
    assert (office.call_of(run).status, office.names()) == ("succeeded", ["ring"])
    assert run.again().output == '"It rang."'


def test_what_is_given_up_is_not_done_again(stage: Stage) -> None:
    run, call = lost(stage)
    services.settle_outcome(call.pk, "give_up", by=stage.dora, reason="Nobody heard it.")
    run_until_idle()
    assert (office.call_of(run).status, office.names()) == ("failed", ["ring"])
    assert run.again().output == "Nobody heard it."


def test_what_is_tried_again_is_done_once_more_with_its_key(stage: Stage) -> None:
    run, call = lost(stage)
    services.settle_outcome(call.pk, "try_again", by=stage.dora)
    assert office.call_of(run).in_doubt
    run_until_idle()
    assert (office.call_of(run).status, office.names()) == ("succeeded", ["ring", "ring"])
    assert office.keys[0] == office.keys[1] is not None
    assert run.again().output == '"second"'


def test_who_settled_it_is_on_record(stage: Stage) -> None:
    _, call = lost(stage)
    services.settle_outcome(call.pk, "give_up", by=stage.dora, reason="Nobody heard it.")
    made = Decision.objects.get(call=call)
    assert (made.user, made.verdict, made.reason, made.digest) == (
        stage.dora,
        "give_up",
        "Nobody heard it.",
        call.digest,
    )


# What has to be said.


def test_giving_up_needs_a_reason(stage: Stage) -> None:
    _, call = lost(stage)
    for reason in ("", " \n"):
        assert refused_as(InvalidInput, call, "give_up", by=stage.dora, reason=reason) == "reason_required"


def test_a_result_is_one_that_the_tool_could_have_returned(stage: Stage) -> None:
    _, call = lost(stage)
    for result in (None, 5, {"rang": True}):
        assert refused_as(InvalidInput, call, "happened", by=stage.dora, result=result) == "result_invalid"


def test_only_what_happened_has_a_result(stage: Stage) -> None:
    _, call = lost(stage)
    for verdict in ("try_again", "give_up"):
        said = {"by": stage.dora, "reason": "lost", "result": "It rang."}
        assert refused_as(InvalidInput, call, verdict, **said) == "result_invalid"


def test_nothing_else_is_said_of_an_outcome(stage: Stage) -> None:
    _, call = lost(stage)
    assert refused_as(InvalidInput, call, "approved", by=stage.dora) == "unknown_verdict"


# Who may, and when.


def test_only_who_may_settle_does(stage: Stage) -> None:
    owner = office.person("mia")
    _, call = lost(stage, user=owner)
    looks = office.person("sam", "agents_app.view_agentcontext", "agents_app.view_transcript", *office.DECIDES)
    for person in (owner, looks):
        assert refused_as(NotPermitted, call, "happened", by=person, result="It rang.") == "not_permitted"


def test_an_account_that_is_off_settles_nothing(stage: Stage) -> None:
    owner = office.person("mia", "agents_app.settle_toolcall")
    _, call = lost(stage, user=owner)
    owner.is_active = False
    owner.save()
    assert refused_as(NotFound, call, "happened", by=owner, result="It rang.")


def test_an_outcome_is_settled_once(stage: Stage) -> None:
    run, call = lost(stage)
    services.settle_outcome(call.pk, "happened", by=stage.dora, result="It rang.")
    for verdict, said in (("try_again", {}), ("give_up", {"reason": "lost"})):
        with pytest.raises(WrongState) as late:
            services.settle_outcome(call.pk, verdict, by=stage.dora, **said)
        assert (late.value.code, late.value.details.get("by")) == ("not_unknown", "dora")
    run_until_idle()
    assert office.names() == ["ring"]
    assert Decision.objects.filter(call=call).count() == 1
    assert run.again().output == '"It rang."'


def test_nothing_is_tried_again_in_a_run_that_is_being_cancelled(stage: Stage) -> None:
    _, call = lost(stage)
    QuerySet(AgentContext).filter(pk=call.context_id).update(cancel_requested_at=DatabaseNow())
    with pytest.raises(WrongState) as refused:
        services.settle_outcome(call.pk, "try_again", by=stage.dora)
    assert refused.value.code == "ended"
    assert office.names() == ["ring"]


def test_nothing_is_tried_again_in_a_run_that_has_ended(stage: Stage) -> None:
    run, call = lost(stage)
    services.cancel_run(run.id, by=services.SYSTEM)
    assert refused_as(WrongState, call, "try_again", by=stage.dora) == "ended"


SERVICE, TRANSITION = "agents_app.services.approvals:", "agents_app.transitions.calls:settle_unknown"
PEOPLE = "agents_app.selectors.people:"
OVER = "over = edit.context.ended or edit.context.cancel_requested_at is not None"
MUTANTS = [
    mutant(
        "what happened is done again",
        test_what_happened_is_not_done_again,
        TRANSITION,
        "succeed(edit, call, result, note)",
        "edit.set_status(call, ToolCallStatus.READY, not_before=None)",
    ),
    mutant(
        "what happened is told without its result",
        test_what_happened_is_not_done_again,
        f"{SERVICE}settle_outcome",
        "result=value",
        "result=None",
    ),
    mutant(
        "what is given up is done again",
        test_what_is_given_up_is_not_done_again,
        TRANSITION,
        '_fail(edit, call, Outcome(ending=Ending.REFUSED, code="given_up", message=reason), failures=call.failures)',
        "edit.set_status(call, ToolCallStatus.READY, not_before=None)",
    ),
    mutant(
        "why it is given up is not told",
        test_what_is_given_up_is_not_done_again,
        TRANSITION,
        "message=reason",
        'message=""',
    ),
    mutant(
        "what is tried again is forgotten to be in doubt",
        test_what_is_tried_again_is_done_once_more_with_its_key,
        TRANSITION,
        "in_doubt=by is not None",
        "in_doubt=False",
    ),
    mutant(
        "what is tried again has a new key",
        test_what_is_tried_again_is_done_once_more_with_its_key,
        "agents_app.transitions.calls:start",
        "idempotency_key=call.idempotency_key or key",
        'idempotency_key=f"{key[:50]}{call.attempt}"',
    ),
    mutant(
        "who settled an outcome is not on record",
        test_who_settled_it_is_on_record,
        TRANSITION,
        "edit.add(by)",
        "pass",
    ),
    mutant(
        "giving up needs no reason",
        test_giving_up_needs_a_reason,
        f"{SERVICE}_check_settling",
        "if word is Verdict.GIVE_UP and not reason:",
        "if False:",
    ),
    mutant(
        "a reason of spaces is one",
        test_giving_up_needs_a_reason,
        f"{SERVICE}settle_outcome",
        "checked_reason(reason).strip()",
        "checked_reason(reason)",
    ),
    mutant(
        "a result of any type happened",
        test_a_result_is_one_that_the_tool_could_have_returned,
        f"{SERVICE}_check_settling",
        "if not wrong:",
        "if True:",
    ),
    mutant(
        "what is not known has a result",
        test_only_what_happened_has_a_result,
        f"{SERVICE}_check_settling",
        "if result is not None:",
        "if False:",
    ),
    mutant(
        "any verdict settles an outcome",
        test_nothing_else_is_said_of_an_outcome,
        f"{SERVICE}_settling_verdict",
        "if verdict not in SETTLED:",
        "if False:",
    ),
    mutant(
        "who knows of a call settles it",
        test_only_who_may_settle_does,
        f"{SERVICE}settle_outcome",
        "if not may_settle(by, call):",
        "if False:",
    ),
    mutant(
        "who is active settles",
        test_only_who_may_settle_does,
        f"{PEOPLE}may_settle",
        "user.is_active and user.has_perm(SETTLE)",
        "user.is_active",
    ),
    mutant(
        "who comes later is not told who settled it",
        test_an_outcome_is_settled_once,
        f"{SERVICE}settle_outcome",
        "if held is None or held.status != ToolCallStatus.UNKNOWN:",
        "if held is None:\n            held = ToolCall.objects.get(pk=call.pk)\n        if False:",
    ),
    mutant(
        "a call is tried again while its run is cancelled",
        test_nothing_is_tried_again_in_a_run_that_is_being_cancelled,
        f"{SERVICE}settle_outcome",
        OVER,
        "over = edit.context.ended",
    ),
    mutant(
        "a call is tried again after its run has ended",
        test_nothing_is_tried_again_in_a_run_that_has_ended,
        f"{SERVICE}settle_outcome",
        OVER,
        "over = False",
    ),
]
