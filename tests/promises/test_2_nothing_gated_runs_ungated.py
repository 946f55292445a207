"""Promise 2. A call that needs approval starts only under a decision that is valid at that moment."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from agents_app import services
from agents_app.core.canonical import digest
from agents_app.exceptions import AgentsError, NotPermitted, StaleDigest
from agents_app.models import ApprovalRequest, ToolCall, clock
from agents_app.runtime import iterate
from agents_app.services import Run
from agents_app.testing import approve_pending, calls, move_time, run_until_idle
from tests import office
from tests.promises import mailed_links
from tests.promises.mutants import mutant
from tests.promises.stage import Stage
from tests.scenarios.meanwhile import elsewhere, together

PAY = calls("pay", to="Ann", amount=120)


def approved(stage: Stage) -> Run[str]:
    """A run with a call that dora has approved, and that no worker has taken up yet."""
    run = stage.play(PAY, "Done.")
    approve_pending(run, by=stage.dora)
    return run


def assert_does_not_run(run: Run[str]) -> None:
    """The worker comes, the call is not made, and somebody is asked again or the LLM is told."""
    run_until_idle()
    assert office.done == []
    assert office.call_of(run).status in ("awaiting_approval", "rejected")


def test_it_waits_until_somebody_says_yes(stage: Stage) -> None:
    run = stage.play(PAY, "Done.")
    assert run.status == "waiting_for_approval"
    assert_does_not_run(run)
    approve_pending(run, by=stage.dora)
    run_until_idle()
    assert office.names() == ["pay"]


def test_a_rule_that_cannot_be_evaluated_asks(stage: Stage) -> None:
    office.behaviour["pay.needs_approval"] = lambda *_: 1 / 0
    assert_does_not_run(stage.play(PAY, "Done."))


def test_a_rule_that_has_become_stricter_asks_at_dispatch(stage: Stage) -> None:
    """The call was allowed when it was proposed; it waits its turn behind another, and the rule changes."""

    def tighten(context: Any, value: Any) -> str:
        office.behaviour["pay.needs_approval"] = lambda *_: True
        return "sent"

    office.behaviour |= {"send": tighten, "pay.needs_approval": lambda *_: False}
    run = stage.play([calls("send", text="a"), PAY], "Done.")
    assert office.names() == ["send"]
    assert office.call_of(run).status == "awaiting_approval"


def test_only_what_was_shown_is_decided_on(stage: Stage) -> None:
    run = stage.play(PAY, "Done.")
    with pytest.raises(StaleDigest):
        services.approve(office.request_of(run).pk, by=stage.dora, digest="0" * 64)
    with pytest.raises(StaleDigest):
        services.reject(office.request_of(run).pk, by=stage.dora, digest="0" * 64, reason="No.")
    assert_does_not_run(run)


def test_arguments_changed_behind_the_approval_do_not_run(stage: Stage) -> None:
    """Somebody writes other arguments into the row, with a digest that fits them."""
    run = approved(stage)
    call = office.call_of(run)
    text = call.arguments.replace("120", "999")
    of = digest(run.id, call.pk, call.tool, call.schema_hash, text)
    ToolCall.objects.filter(pk=call.pk).update(arguments=text, digest=of)
    assert_does_not_run(run)


def test_arguments_that_do_not_fit_their_digest_do_not_run(stage: Stage) -> None:
    run = approved(stage)
    call = office.call_of(run)
    ToolCall.objects.filter(pk=call.pk).update(arguments=call.arguments.replace("120", "999"))
    assert_does_not_run(run)


def test_an_approval_that_is_over_does_not_count(stage: Stage) -> None:
    run = approved(stage)
    with move_time(3601):
        assert_does_not_run(run)


def test_an_approval_that_ends_between_judgement_and_start_does_not_count(
    stage: Stage,
) -> None:
    """The rows are checked again under the lock."""
    run = approved(stage)
    judge: Callable[..., Any] = iterate.judge

    def judge_slowly(*args: Any) -> Any:
        verdicts = judge(*args)
        clock.offset += timedelta(seconds=3601)
        return verdicts

    before = clock.offset
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(iterate, "judge", judge_slowly)
        try:
            iterate.prepare(stage.hold(run))
        finally:
            clock.offset = before
    assert office.call_of(run).status in ("awaiting_approval", "ready")


@pytest.mark.parametrize("how", ["permission", "tool's permission", "account", "deleted"])
def test_who_approved_must_still_be_allowed_to(stage: Stage, how: str) -> None:
    who_approved_must_still_be_allowed_to(stage, how)


def who_approved_must_still_be_allowed_to(stage: Stage, how: str = "permission") -> None:
    run = approved(stage)
    dora = get_user_model().objects.get(username="dora")
    if how == "account":
        get_user_model().objects.filter(pk=dora.pk).update(is_active=False)
    elif how == "deleted":
        dora.delete()
    else:
        codename = "decide_approvalrequest" if how == "permission" else "view_group"
        dora.user_permissions.remove(dora.user_permissions.get(codename=codename))
    assert_does_not_run(run)


def test_only_those_who_may_decide_do(stage: Stage) -> None:
    run = stage.play(PAY, "Done.")
    request = office.request_of(run)
    half = office.person("half", "agents_app.decide_approvalrequest")
    for nobody in (half, services.SYSTEM):
        with pytest.raises(NotPermitted):
            services.approve(request.pk, by=nobody, digest=request.digest)
    assert_does_not_run(run)


def test_the_precondition_is_asked_at_dispatch(stage: Stage) -> None:
    run = approved(stage)
    office.behaviour["pay.precondition"] = lambda *_: "There is no money left."
    assert_does_not_run(run)
    assert office.call_of(run).error == "There is no money left."


@pytest.mark.parametrize("said", [None, False, 0, "", "no", 1, "True"])
def test_a_precondition_that_is_in_doubt_refuses(stage: Stage, said: Any) -> None:
    run = approved(stage)
    office.behaviour["pay.precondition"] = lambda *_: said
    assert_does_not_run(run)


def test_a_precondition_that_raises_refuses(stage: Stage) -> None:
    run = approved(stage)
    office.behaviour["pay.precondition"] = lambda *_: 1 / 0
    assert_does_not_run(run)


def test_a_no_is_a_no(stage: Stage) -> None:
    run = stage.play(PAY, "Done.")
    services.reject(office.request_of(run).pk, by=stage.dora, reason="No.")
    with pytest.raises(AgentsError):
        services.approve(office.request_of(run).pk, by=stage.dora, digest=office.call_of(run).digest)
    assert_does_not_run(run)


def test_one_of_two_decisions_at_once_counts(stage: Stage) -> None:
    run = stage.play(PAY, "Done.")
    request, otto = office.request_of(run), office.decider("otto")
    outcomes = together(
        lambda: services.approve(request.pk, by=stage.dora, digest=request.digest),
        lambda: services.approve(request.pk, by=otto, digest=request.digest),
    )
    assert sum(isinstance(outcome, AgentsError) for outcome in outcomes) == 1
    assert ApprovalRequest.objects.get(pk=request.pk).decisions.count() == 1


def test_a_yes_given_while_another_call_runs_is_seen(stage: Stage) -> None:
    """What the worker knew of the rows is read again, under the lock, if anything has happened since."""
    dora = stage.dora

    def decide(context: Any, value: Any) -> str:
        elsewhere(lambda: approve_pending(context.run_id, by=dora))
        return "sent"

    office.behaviour["send"] = decide
    run = stage.play([PAY, calls("send", text="a")], "Done.")
    assert office.names() == ["send", "pay"]
    assert run.status == "completed"


@pytest.mark.parametrize("check", mailed_links.CHECKS, ids=lambda check: check.__name__)
def test_a_mailed_link_decides_for_its_addressee_once_and_not_when_it_is_opened(stage: Stage, check: Any) -> None:
    check(stage)


DISPATCH = "agents_app.gate.dispatch:"
MUTANTS = [
    *mailed_links.MUTANTS,
    mutant(
        "whoever asks is let through",
        test_it_waits_until_somebody_says_yes,
        f"{DISPATCH}check",
        "if doubt is None and request is None and ruling.answer is Answer.ASK:",
        "if False:",
    ),
    mutant(
        "a rule that raises allows",
        test_a_rule_that_cannot_be_evaluated_asks,
        "agents_app.gate.policy:_of_tool",
        "except Exception:",
        "except Exception:\n        return None",
    ),
    mutant(
        "the digest of a decision is not compared",
        test_only_what_was_shown_is_decided_on,
        "agents_app.services.approvals:_same_digest",
        "if shown != call.digest:",
        "if False:",
    ),
    mutant(
        "the digest of the approval is not compared at dispatch",
        test_arguments_changed_behind_the_approval_do_not_run,
        f"{DISPATCH}row_checks",
        "if request.digest != call.digest:",
        "if False:",
    ),
    mutant(
        "the digest of the arguments is not computed anew",
        test_arguments_that_do_not_fit_their_digest_do_not_run,
        f"{DISPATCH}row_checks",
        "if call.digest != expected:",
        "if False:",
    ),
    mutant(
        "an approval is valid for ever",
        test_an_approval_that_is_over_does_not_count,
        f"{DISPATCH}row_checks",
        "if request.valid_until is None or request.valid_until <= now:",
        "if False:",
    ),
    mutant(
        "the rows are not checked again under the lock",
        test_an_approval_that_ends_between_judgement_and_start_does_not_count,
        "agents_app.runtime.advance:_stands",
        "return verdict.go is not Go.START or",
        "return True or",
    ),
    mutant(
        "who approved is not asked for at dispatch",
        who_approved_must_still_be_allowed_to,
        "agents_app.gate.standing:_doubt",
        "if not all(may_at(user, request, put_to, instead_of=capacity).allowed for put_to in asked):",
        "if False:",
    ),
    mutant(
        "the tool's own permission is not asked for",
        test_only_those_who_may_decide_do,
        "agents_app.gate.approvers:_fits",
        "if permission and not has_permission(person.user, permission, request):",
        "if False:",
    ),
    mutant(
        "the precondition is not asked for",
        test_the_precondition_is_asked_at_dispatch,
        f"{DISPATCH}precondition",
        "if said is True:",
        "if True:",
    ),
    mutant(
        "a precondition that raises holds",
        test_a_precondition_that_raises_refuses,
        f"{DISPATCH}precondition",
        'said = "The precondition could not be evaluated."',
        "said = True",
    ),
    mutant(
        "the rows are not read again under the lock",
        test_a_yes_given_while_another_call_runs_is_seen,
        "agents_app.transitions.change:change",
        "if rows is not None and rows.version == context.version else",
        "if rows is not None else",
    ),
]
