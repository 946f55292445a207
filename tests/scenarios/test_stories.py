"""From a request, past a person, to the end."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import override_settings

from agents_app import services
from agents_app.core.transcript import LLMRequest
from agents_app.exceptions import (
    AlreadyDecided,
    ApprovalRequired,
    Expired,
    InvalidInput,
    LLMError,
    Postpone,
    ToolFailed,
    ToolRetry,
    WrongState,
)
from agents_app.models import AgentStep, ApprovalRequest, database_now
from agents_app.services import Run
from agents_app.testing import (
    answer_pending,
    approve_pending,
    calls,
    fails,
    move_time,
    reject_pending,
    run_until_idle,
    turn,
)
from tests import office
from tests.scenarios.checks import assert_sound

Started = Callable[..., Run[str]]


def told(request: LLMRequest) -> str:
    """What the LLM reads last."""
    last = request.messages[-1]
    return getattr(last, "content", None) or last.text  # type: ignore[union-attr]


def test_a_straight_answer(started: Started) -> None:
    run = started("42")
    assert (run.status, run.output) == ("completed", "42")
    assert_sound(run)


def test_a_call_and_an_answer(started: Started) -> None:
    run = started(calls("look", number="7"), lambda request: f"It says {told(request)}")
    assert run.output == 'It says "look: 7"'
    assert office.done == [("look", "7")]
    assert_sound(run)


def test_approved_as_proposed(started: Started, dora: Any) -> None:
    run = started(calls("pay", to="Ann", amount=120), lambda request: told(request))
    assert run.status == "waiting_for_approval"
    assert office.done == []
    approve_pending(run, by=dora)
    run_until_idle()
    assert office.done == [("pay", ("Ann", Decimal(120)))]
    assert run.again().status == "completed"
    assert_sound(run)


def test_approved_with_other_arguments(started: Started, dora: Any) -> None:
    run = started(calls("pay", to="Ann", amount=120), lambda request: told(request))
    approve_pending(run, by=dora, arguments={"amount": 100})
    run_until_idle()
    assert office.done == [("pay", ("Ann", Decimal(100)))]
    output = run.again().output
    assert output is not None
    assert "changed the arguments" in output
    assert "100" in output
    assert_sound(run)


def test_rejected_with_a_reason_that_the_llm_takes_up(started: Started, dora: Any) -> None:
    run = started(calls("pay", to="Ann", amount=120), lambda request: f"Sorry: {told(request)}")
    reject_pending(run, by=dora, reason="She was paid in March.")
    run_until_idle()
    assert office.done == []
    assert "She was paid in March." in str(run.again().output)
    assert_sound(run)


def test_asked_and_answered_in_text(started: Started, carl: Any) -> None:
    run = started(calls("ask_user", question="Which order?"), lambda request: told(request), user=carl)
    assert run.status == "waiting_for_input"
    answer_pending(run, "A-1001", by=carl)
    run_until_idle()
    assert run.again().output == '"A-1001"'
    assert_sound(run)


def test_asked_and_answered_by_a_schema(started: Started, carl: Any) -> None:
    schema = {"type": "object", "properties": {"amount": {"type": "integer"}}, "required": ["amount"]}
    run = started(calls("ask_user", question="How much?", schema=schema), lambda request: told(request), user=carl)
    with pytest.raises(InvalidInput) as refusal:
        answer_pending(run, {"amount": "much"}, by=carl)
    assert refusal.value.code == "invalid_answer"
    answer_pending(run, {"amount": 5}, by=carl)
    run_until_idle()
    assert run.again().output == '{"amount": 5}'


def test_three_calls_of_which_one_waits(started: Started, dora: Any) -> None:
    batch = [calls("pay", to="Ann", amount=120), calls("look", number="1"), calls("look", number="2")]
    run = started(batch, lambda request: f"{sum(1 for each in request.messages if hasattr(each, 'content'))} results")
    assert run.status == "waiting_for_approval"
    assert sorted(office.done) == [("look", "1"), ("look", "2")]
    approve_pending(run, by=dora)
    run_until_idle()
    assert office.done[-1] == ("pay", ("Ann", Decimal(120)))
    assert run.again().output == "3 results"
    assert_sound(run)


def test_neighbouring_reads_run_together_and_the_rest_alone_in_order(started: Started) -> None:
    """Two reads wait for each other: they come to an end only if both run at once."""
    import threading

    both = threading.Barrier(2)
    office.behaviour["look"] = lambda context, number: both.wait(4) >= 0 and number
    batch = [
        calls("look", number="1"),
        calls("look", number="2"),
        calls("send", text="3"),
        calls("write", text="4"),
        calls("book", text="5"),
    ]
    run = started(batch, "ok")
    assert run.status == "completed"
    assert sorted(office.done[:2]) == [("look", "1"), ("look", "2")]
    assert office.done[2:] == [("send", "3"), ("write", "4"), ("book", "5")]
    assert_sound(run)


def test_text_beside_calls_is_said(started: Started) -> None:
    run = started(turn("One moment.", [calls("look", number="1")]), "Done.")
    said = AgentStep.objects.filter(context_id=run.id, kind="respond").get()
    assert said.response is not None
    assert said.response["text"] == "One moment."


def test_a_transient_error_of_the_llm_is_tried_again(started: Started) -> None:
    run = started(fails(2, LLMError("Overloaded.", code="overloaded", transient=True), "Here I am."))
    assert run.again().output == "Here I am." or run.status == "scheduled"
    with move_time(60):
        run_until_idle()
    assert run.again().output == "Here I am."
    assert AgentStep.objects.get(context_id=run.id, kind="think").attempt == 3
    assert_sound(run)


def test_a_permanent_error_of_the_llm_fails_the_run_and_a_person_retries_it(started: Started, dora: Any) -> None:
    run = started(fails(1, LLMError("No such key.", code="unauthorized"), "Better."))
    assert run.status == "failed"
    assert run.error == ("unauthorized", "No such key.")
    services.retry_run(run.id, by=dora)
    run_until_idle()
    assert run.again().output == "Better."
    assert_sound(run)


def test_retrying_keeps_what_was_settled(started: Started, dora: Any) -> None:
    run = started(calls("send", text="a"), fails(1, LLMError("Gone.", code="gone"), "Done."))
    assert run.status == "failed"
    services.retry_run(run.id, by=dora)
    run_until_idle()
    assert run.again().output == "Done."
    assert office.done == [("send", "a")]


def test_paused_and_resumed_while_it_waits(started: Started, dora: Any) -> None:
    run = started(calls("pay", to="Ann", amount=120), "Done.")
    services.pause_run(run.id, by=dora, reason="A look first.")
    approve_pending(run, by=dora)
    run_until_idle()
    assert run.again().status == "paused"
    assert office.done == []
    services.resume_run(run.id, by=dora)
    run_until_idle()
    assert run.again().status == "completed"
    assert office.names() == ["pay"]
    assert_sound(run)


def test_paused_while_the_llm_answers_it_completes_only_when_resumed(started: Started, dora: Any) -> None:
    def answer_meanwhile(request: LLMRequest) -> str:
        services.pause_run(run_id(), by=dora)
        return "Done."

    run = started(in_thread(answer_meanwhile))
    assert run.status == "paused"
    services.resume_run(run.id, by=dora)
    run_until_idle()
    assert run.again().output == "Done."


def test_the_tool_itself_asks_for_approval(started: Started, dora: Any) -> None:
    def ask_first(context: Any, text: str) -> str:
        if context.attempt == 1:
            raise ApprovalRequired("The receiver is new.")
        return "sent"

    office.behaviour["send"] = ask_first
    run = started(calls("send", text="a"), "Done.")
    assert run.status == "waiting_for_approval"
    assert office.request_of(run).reason == "The receiver is new."
    approve_pending(run, by=dora)
    run_until_idle()
    assert run.again().status == "completed"
    assert office.keys[0] == office.keys[1]
    assert_sound(run)


def test_the_tool_asks_for_approval_and_a_person_says_no(started: Started, dora: Any) -> None:
    def ask(context: Any, text: str) -> str:
        raise ApprovalRequired("The receiver is new.")

    office.behaviour["send"] = ask
    run = started(calls("send", text="a"), lambda request: told(request))
    reject_pending(run, by=dora, reason="Do not write to him.")
    run_until_idle()
    assert "Do not write to him." in str(run.again().output)
    assert_sound(run)


def test_asking_again_under_a_valid_approval_is_a_failure(started: Started, dora: Any) -> None:
    def ask(context: Any, text: str) -> str:
        raise ApprovalRequired("Never enough.")

    office.behaviour["send"] = ask
    run = started(calls("send", text="a"), "Done.")
    approve_pending(run, by=dora)
    run_until_idle()
    assert office.call_of(run).status == "failed"
    assert run.again().status == "completed"


def test_a_postponed_call_is_made_when_its_time_has_come(started: Started) -> None:
    later = database_now() + timedelta(minutes=10)

    def postpone(context: Any, text: str) -> str:
        if context.attempt == 1:
            raise Postpone(later, "The office is closed.")
        return "sent"

    office.behaviour["send"] = postpone
    run = started(calls("send", text="a"), "Done.")
    assert run.status == "scheduled"
    assert office.context_of(run).due_at == later
    with move_time(601):
        run_until_idle()
    assert run.again().status == "completed"
    assert len(set(office.keys)) == 1
    assert_sound(run)


def test_a_call_postponed_until_now_does_not_spin(started: Started) -> None:
    def postpone(context: Any, text: str) -> str:
        if len(office.done) < 40:
            raise Postpone(database_now())
        return "sent"

    office.behaviour["send"] = postpone
    with override_settings(AGENTS_APP={**_settings(), "SLICE_SECONDS": 0.5, "DRAIN_SECONDS": 0}):
        started(calls("send", text="a"), "Done.")
    assert len(office.done) < 10


@pytest.mark.parametrize(
    ("error", "code"), [(ToolRetry("Write it shorter."), "retry"), (ToolFailed("Write it shorter."), "tool_failed")]
)
def test_a_tool_says_no_and_the_llm_reads_why(started: Started, error: Exception, code: str) -> None:
    def refuse(context: Any, text: str) -> str:
        raise error

    office.behaviour["send"] = refuse
    run = started(calls("send", text="a"), lambda request: told(request))
    assert run.output == "Write it shorter."
    assert (office.call_of(run).status, office.call_of(run).error_code) == ("failed", code)
    assert office.names() == ["send"]
    assert_sound(run)


def test_too_many_steps(started: Started) -> None:
    run = started(*[calls("look", number=str(number)) for number in range(9)], limits={"max_steps": 4})
    assert run.error is not None
    assert run.error[0] == "max_steps"
    assert [value for _, value in office.done] == ["0", "1"]
    assert_sound(run)


def test_a_repeated_attempt_is_no_further_step(started: Started) -> None:
    def stumble(context: Any, text: str) -> str:
        if context.attempt == 1:
            raise ValueError("no")
        return "booked"

    office.behaviour["book"] = stumble
    run = started(calls("book", text="a"), "Done.", limits={"max_steps": 3})
    assert run.status == "completed"
    assert office.call_of(run).attempt == 2


def test_the_deadline_does_not_count_waiting_for_people(started: Started, dora: Any) -> None:
    run = started(calls("pay", to="Ann", amount=120), "Done.", limits={"timeout": 300.0})
    with move_time(3000):
        run_until_idle()
        assert run.again().status == "waiting_for_approval"
        approve_pending(run, by=dora)
        run_until_idle()
        assert run.again().status == "completed"
    assert_sound(run)


def test_the_deadline_counts_other_waiting(started: Started) -> None:
    def postpone(context: Any, text: str) -> str:
        raise Postpone(database_now() + timedelta(hours=1))

    office.behaviour["send"] = postpone
    run = started(calls("send", text="a"), "Done.", limits={"timeout": 300.0})
    with move_time(299):
        run_until_idle()
        assert run.again().status == "scheduled"
    with move_time(301):
        run_until_idle()
    assert run.again().error == ("timeout", "The run took longer than its agent's timeout.")
    assert_sound(run)


def test_nobody_decides_in_time(started: Started, dora: Any) -> None:
    with override_settings(AGENTS_APP={**_settings(), "APPROVAL_EXPIRES_SECONDS": 60}):
        run = started(calls("pay", to="Ann", amount=120), lambda request: told(request))
    request = office.request_of(run)
    with move_time(61):
        with pytest.raises(Expired):
            services.approve(request.pk, by=dora, digest=request.digest)
        run_until_idle()
        assert run.again().output == "Nobody decided in time."
        with pytest.raises(Expired):
            services.approve(request.pk, by=dora, digest=request.digest)
    assert office.done == []
    assert_sound(run)


def test_nobody_answers_in_time(started: Started, carl: Any) -> None:
    with override_settings(AGENTS_APP={**_settings(), "INPUT_EXPIRES_SECONDS": 60}):
        run = started(calls("ask_user", question="Which?"), lambda request: told(request), user=carl)
    question = office.question_of(run)
    with move_time(61):
        with pytest.raises(Expired):
            services.answer_input(question.pk, "late", by=carl)
        run_until_idle()
    assert run.again().output == "The user has not answered."
    assert_sound(run)


def test_an_approval_that_came_too_early_is_asked_for_anew(started: Started, dora: Any) -> None:
    """Approved on Friday, the workers come back on Monday: somebody must look again."""
    run = started(calls("pay", to="Ann", amount=120), "Done.")
    first = approve_pending(run, by=dora)
    with move_time(4000):
        run_until_idle()
        assert run.again().status == "waiting_for_approval"
        assert office.done == []
        second = office.request_of(run)
        assert second.supersedes_id == first.pk  # type: ignore[attr-defined]
        assert ApprovalRequest.objects.get(pk=first.pk).status == "withdrawn"
        approve_pending(run, by=dora)
        run_until_idle()
    assert office.names() == ["pay"]
    assert_sound(run)


def test_a_cancelled_run_refuses_every_further_decision(started: Started, dora: Any) -> None:
    run = started(calls("pay", to="Ann", amount=120), "Done.")
    request = office.request_of(run)
    services.cancel_run(run.id, by=dora, reason="No need.")
    run_until_idle()
    assert run.again().status == "cancelled"
    for decide in (
        lambda: services.approve(request.pk, by=dora, digest=request.digest),
        lambda: services.reject(request.pk, by=dora, reason="no"),
        lambda: services.cancel_run(run.id, by=dora),
        lambda: services.pause_run(run.id, by=dora),
        lambda: services.resume_run(run.id, by=dora),
        lambda: services.retry_run(run.id, by=dora),
    ):
        with pytest.raises(WrongState):
            decide()
    assert_sound(run)


def test_the_same_decision_twice_by_the_same_person_is_one(started: Started, dora: Any) -> None:
    run = started(calls("pay", to="Ann", amount=120), "Done.")
    request = office.request_of(run)
    services.approve(request.pk, by=dora, digest=request.digest)
    services.approve(request.pk, by=dora, digest=request.digest)
    other = office.decider("otto")
    with pytest.raises(AlreadyDecided) as refusal:
        services.reject(request.pk, by=other, reason="no")
    assert refusal.value.details["by"] == "dora"
    run_until_idle()
    assert office.names() == ["pay"]


def _settings() -> dict[str, Any]:
    from django.conf import settings

    return dict(settings.AGENTS_APP)


def run_id() -> Any:
    from agents_app.models import AgentContext

    return AgentContext.objects.order_by("-id").values_list("pk", flat=True)[0]


def in_thread(function: Callable[[LLMRequest], Any]) -> Callable[[LLMRequest], Any]:
    """A scripted turn that may use the database: it is asked on an event loop."""
    from tests.scenarios.meanwhile import elsewhere

    return lambda request: elsewhere(function, request)
