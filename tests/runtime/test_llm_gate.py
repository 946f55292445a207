"""The gate in front of the LLM: limits, breaker and fallbacks, in whole runs. Time is moved, never slept through."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from agents_app.core.status import RunStatus
from agents_app.core.transcript import LLMReply, Usage
from agents_app.definitions.registry import override_llm
from agents_app.exceptions import LLMError
from agents_app.llm import limits_of
from agents_app.models import AgentContext, AgentEvent, AgentStep, LLMPlace, LLMState, database_now
from agents_app.runtime import iterate, llm_gate
from agents_app.runtime.recovery import sweep
from agents_app.services import Run, close_breaker, pause_run, start_run
from agents_app.services.principals import SYSTEM
from agents_app.testing import move_time, run_until_idle, script
from agents_app.transitions import llm_waits, llms
from tests import office
from tests.runtime.llms import DOWN, Plain, Reserved, asked, behaviour, state, told_llms, with_settings

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("agents")]


@pytest.fixture(autouse=True)
def _told() -> Iterator[None]:
    with told_llms():
        yield


def go(agent: Any = Plain) -> Run[str]:
    run = start_run(agent, "x")
    run_until_idle()
    return run.again()


def due_in(run: Run[str]) -> float:
    due = office.context_of(run).due_at
    assert due is not None
    return (due - database_now()).total_seconds()


def fail(name: str, times: int) -> None:
    """Let this LLM fail so many times, in runs that end with it."""
    behaviour[name] = LLMError("Down.", code="unavailable", transient=True)
    with with_settings(LLM_ATTEMPTS=1):
        for _ in range(times):
            assert go().status is RunStatus.FAILED
    del behaviour[name]


def reason(run: Run[str]) -> str:
    scheduled = AgentEvent.objects.filter(context_id=run.id, type="run.scheduled").order_by("-sequence").first()
    assert scheduled is not None
    return str(scheduled.data["reason"])


def think_of(run: Run[str]) -> AgentStep:
    return AgentStep.objects.filter(context_id=run.id, kind="think").order_by("-number")[0]


# Nothing is paid for what is not used.


def statements() -> int:
    with CaptureQueriesContext(connection) as found:
        assert go().status is RunStatus.COMPLETED
    return len(found)


def test_an_llm_without_limits_that_answers_costs_no_statement() -> None:
    with override_llm(Plain, script("Done.")):  # which passes by the gate
        go()
        without = statements()
    assert statements() == without
    assert not LLMState.objects.exists()


def test_a_scripted_llm_is_not_limited() -> None:
    with told_llms({"requests_per_minute": 1}), override_llm(Plain, script("Done.")):
        assert [go().status for _ in range(3)] == [RunStatus.COMPLETED] * 3
    assert not LLMState.objects.exists()


# Requests per minute.


def test_who_comes_too_early_is_scheduled_for_its_time_and_no_attempt_is_counted() -> None:
    with told_llms({"requests_per_minute": 2}):
        first, second, third = go(), go(), go()
        assert first.status is RunStatus.COMPLETED
        assert [second.status, third.status] == [RunStatus.SCHEDULED] * 2
        assert 5 < due_in(second) <= 30
        assert 35 < due_in(third) <= 60
        assert office.context_of(second).lease_until is None, "nobody waits with it"
        assert "first is asked as often as its limits allow" in reason(second)
        assert asked == ["first"]
        with move_time(31):
            run_until_idle()
            assert [second.again().status, third.again().status] == [RunStatus.COMPLETED, RunStatus.SCHEDULED]
            assert (think_of(second).attempt, think_of(second).llm) == (1, "first-2026")
        with move_time(61):
            run_until_idle()
        assert third.again().status is RunStatus.COMPLETED
        assert not LLMPlace.objects.exists()


def test_a_run_that_waits_says_so_once() -> None:
    with told_llms({"requests_per_minute": 2}):
        go()
        run = go()
        for seconds in (5, 10, 31):
            with move_time(seconds):
                run_until_idle()
        told = [event.type for event in AgentEvent.objects.filter(context_id=run.id).order_by("sequence")]
    assert told == ["run.started", "run.scheduled", "step.started", "step.completed", "run.completed"]


def test_a_run_that_is_woken_early_keeps_its_place() -> None:
    with told_llms({"requests_per_minute": 2}):
        go()
        run = go()
        place = LLMPlace.objects.get(run_id=run.id)
        with move_time(10):
            AgentContext.objects.filter(pk=run.id).update(run_at=None, due_at=database_now())
            run_until_idle()
            assert LLMPlace.objects.get(run_id=run.id).starts_at == place.starts_at
            assert run.again().status is RunStatus.SCHEDULED


def test_a_place_that_is_not_taken_is_forgotten() -> None:
    with told_llms({"requests_per_minute": 2}):
        go()
        run = go()
        pause_run(run.id, by=SYSTEM, reason="later")
        with move_time(30 + llms.MISSED_SECONDS + 1):
            assert go().status is RunStatus.COMPLETED
            go()  # makes a place, and sweeps
            assert not LLMPlace.objects.filter(run_id=run.id).exists()


# Tokens per minute.


def test_tokens_are_counted_by_what_calls_need() -> None:
    def big(_: Any) -> LLMReply:
        return LLMReply(text="Long.", usage=Usage(input_tokens=900, output_tokens=100))

    with told_llms({"tokens_per_minute": 600}):
        behaviour["first"] = big
        assert go().status is RunStatus.COMPLETED  # 1000 tokens: more than a minute's worth
        row = state()
        assert row is not None
        assert row.tokens_per_call == 1000
        assert row.tokens_full_at is not None
        assert 60 < (row.tokens_full_at - database_now()).total_seconds() <= 100
        second = go()
        assert second.status is RunStatus.SCHEDULED
        assert 60 < due_in(second) <= 100
        with move_time(101):
            run_until_idle()
            assert second.again().status is RunStatus.COMPLETED


def test_what_was_drawn_too_much_is_given_back() -> None:
    with told_llms({"tokens_per_minute": 6000}):
        LLMState.objects.create(name="first", tokens_per_call=3000)
        assert go().status is RunStatus.COMPLETED  # it needed 100
        row = state()
        assert row is not None
        assert row.tokens_full_at is not None
        assert (row.tokens_full_at - database_now()).total_seconds() <= 1
        assert row.tokens_per_call == pytest.approx(3000 - 0.2 * 2900)


# The breaker.


def test_an_llm_that_is_down_is_left_alone_and_runs_wait_for_it() -> None:
    with told_llms({"breaker": {"failures": 3, "open_seconds": 30}}):
        fail("first", 3)
        asked.clear()
        run = go()
        assert run.status is RunStatus.SCHEDULED
        assert 5 < due_in(run) <= 46
        assert "first is down (unavailable)" in reason(run)
        assert asked == []
        assert not AgentStep.objects.filter(context_id=run.id, kind="think").exists(), "no attempt is used up"
        with move_time(47):
            run_until_idle()
            assert run.again().status is RunStatus.COMPLETED
        row = state()
        assert row is not None
        assert (row.failures, row.open_until, row.opened_at) == (0, None, None)


def test_a_success_in_between_begins_the_count_anew() -> None:
    with told_llms({"breaker": {"failures": 3}}):
        for _ in range(4):
            fail("first", 2)
            assert go().status is RunStatus.COMPLETED


def test_what_is_not_its_fault_does_not_open_it() -> None:
    with told_llms({"breaker": {"failures": 1}}):
        for code, transient in (("rejected", False), ("authentication", False), ("invalid_reply", True)):
            behaviour["first"] = LLMError("No.", code=code, transient=transient)
            with with_settings(LLM_ATTEMPTS=1):
                assert go().status is RunStatus.FAILED
        behaviour.clear()
        assert go().status is RunStatus.COMPLETED


def test_a_worker_that_met_no_failure_is_told_by_its_first() -> None:
    with told_llms({"breaker": {"failures": 3}}):
        fail("first", 3)
        llm_gate.forget()  # as in another process
        behaviour["first"] = DOWN
        asked.clear()
        run = go()
        assert run.status is RunStatus.SCHEDULED
        with move_time(2):
            run_until_idle()
            assert (asked, run.again().status) == (["first"], RunStatus.SCHEDULED)
            assert "first is down" in reason(run)
        told = AgentEvent.objects.filter(context_id=run.id, type="run.scheduled")
        assert len(told) == 2
        with move_time(10):
            run_until_idle()
        assert len(told.all()) == 2, "to wait on is no news"


def test_one_probe_at_a_time() -> None:
    with told_llms({"breaker": {"failures": 1, "open_seconds": 30}}):
        fail("first", 1)
        run = go()
        limits = limits_of("first")[1]
        asker = llms.Asker(run_id=run.id, claim=1, seconds=70)

        def admitted() -> llms.Permit:
            return llms.admit("first", limits, asker, llm="first", tokens=None, patience=None)

        with move_time(60):
            permits = [admitted() for _ in range(3)]
            assert [permit.probe for permit in permits] == [True, False, False]
            assert [permit.until is None for permit in permits] == [True, False, False]
            llms.give_back("first", limits, asker, permits[0], used=None, asked=False)
            assert admitted().probe, "who did not come to ask leaves it to the next"
        with move_time(131):
            assert admitted().probe, "who does not come back is taken for dead"


def test_a_probe_that_fails_costs_one_attempt_and_opens_it_again() -> None:
    with told_llms({"breaker": {"failures": 1, "open_seconds": 30}}):
        fail("first", 1)
        run = go()
        behaviour["first"] = DOWN
        with move_time(60):
            run_until_idle()
            assert run.again().status is RunStatus.SCHEDULED
            assert think_of(run).attempt == 1
            row = state()
            assert row is not None
            assert row.open_until is not None
            assert row.open_until > database_now()
        behaviour.clear()
        with move_time(600):
            run_until_idle()
        assert run.again().output == "first says so."


LONG = {"breaker": {"failures": 1, "open_seconds": 600}}


def test_when_it_answers_again_who_waits_is_woken() -> None:
    with told_llms(LONG):
        fail("first", 1)
        runs = [go() for _ in range(3)]
        pause_run(runs[2].id, by=SYSTEM, reason="later")
        assert all(due_in(run) > 500 for run in runs[:2])
        with move_time(601):
            assert go().status is RunStatus.COMPLETED  # the probe
            assert [run.again().status for run in runs] == [RunStatus.COMPLETED] * 2 + [RunStatus.PAUSED]
            assert not LLMPlace.objects.filter(run_id__in=[run.id for run in runs[:2]]).exists()


def test_when_its_breaker_is_closed_by_hand_who_waits_is_woken() -> None:
    with told_llms(LONG):
        fail("first", 1)
        run = go()
        assert close_breaker("first", by=SYSTEM)
        assert due_in(run) <= 0
        run_until_idle()
        assert run.again().status is RunStatus.COMPLETED


def test_those_who_wait_for_it_come_in_portions_the_first_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llm_waits, "A_SECOND", 1)
    with told_llms(LONG):
        fail("first", 1)
        runs = [go() for _ in range(3)]
        close_breaker("first", by=SYSTEM)
        dues = [office.context_of(run).due_at for run in runs]
    assert [(later - dues[0]).total_seconds() // 0.5 for later in dues] == [0, 2, 4]  # type: ignore[operator]


def test_who_waits_for_something_else_by_now_is_left_to_it() -> None:
    with told_llms(LONG):
        fail("first", 1)
        run = go()
        AgentContext.objects.filter(pk=run.id).update(run_at=database_now() + timedelta(hours=2))
        before = due_in(run)
        close_breaker("first", by=SYSTEM)
        assert due_in(run) == pytest.approx(before, abs=60)


def test_who_was_told_to_wait_just_as_it_came_back_is_woken_by_the_sweep() -> None:
    with told_llms(LONG):
        fail("first", 1)
        run = go()
        sweep()
        assert due_in(run) > 500, "it is still down"
        LLMState.objects.update(**llms.CLOSED)
        sweep()
        run_until_idle()
        assert run.again().status is RunStatus.COMPLETED


def test_who_waits_until_it_is_up_takes_no_place_under_its_limits() -> None:
    with told_llms({**LONG, "max_concurrent": 1, "requests_per_minute": 6000}):
        fail("first", 1)
        waiting = [go() for _ in range(3)]
        LLMState.objects.update(**llms.CLOSED)
        assert go().status is RunStatus.COMPLETED
        assert {run.again().status for run in waiting} == {RunStatus.SCHEDULED}


def test_a_probe_that_is_not_made_is_left_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run was paused after it had been told to probe."""
    with told_llms(LONG):
        fail("first", 1)
        granted = []

        def ask(held: Any) -> Any:
            granted.append(llm_gate.ask(held))
            pause_run(held.run_id, by=SYSTEM, reason="meanwhile")
            return granted[-1]

        with move_time(601):
            with monkeypatch.context() as patched:
                patched.setattr(iterate, "ask", ask)
                assert go().status is RunStatus.PAUSED
            assert [permit.probe for permit in granted] == [True]
            assert go().status is RunStatus.COMPLETED


# Fallbacks.


def test_when_attempts_are_used_up_the_next_is_asked() -> None:
    behaviour["first"] = DOWN
    run = start_run(Reserved, "x")
    for seconds in (0, 5, 20, 60, 120):
        with move_time(seconds):
            run_until_idle()
    assert asked == ["first"] * 5 + ["second"]
    assert run.again().output == "second says so."
    step = think_of(run)
    assert (step.attempt, step.earlier_attempts, step.llm) == (6, 5, "second-2026")
    events = AgentEvent.objects.filter(context_id=run.id, type__startswith="step.").order_by("sequence")
    told = [(event.type, event.data["attempt"], event.data["llm"]) for event in events if event.data["kind"] == "think"]
    assert told[-4:] == [
        ("step.started", 5, "first"),
        ("step.failed", 5, "first"),
        ("step.started", 6, "second"),
        ("step.completed", 6, "second-2026"),
    ]


def test_the_last_fails_the_run_with_its_code() -> None:
    behaviour.update(first=DOWN, second=LLMError("Full.", code="overloaded", transient=True))
    run = start_run(Reserved, "x")
    with with_settings(LLM_ATTEMPTS=1):
        run_until_idle()
    assert asked == ["first", "second"]
    assert run.again().error == ("overloaded", "Full.")


def test_a_request_that_is_refused_falls_back_only_if_settings_say_so() -> None:
    behaviour["first"] = LLMError("No.", code="rejected")
    assert go(Reserved).error == ("rejected", "No.")
    with with_settings(LLM_FALLBACK_CODES=["rejected"]):
        assert go(Reserved).output == "second says so."
    behaviour["first"] = LLMError("No money.", code="quota_exceeded")
    assert go(Reserved).output == "second says so."


def test_a_long_retry_after_falls_back_at_once_and_a_short_one_does_not() -> None:
    behaviour["first"] = LLMError("Slow.", code="rate_limited", transient=True, retry_after=60)
    assert go(Reserved).output == "second says so."
    behaviour["first"] = LLMError("Slow.", code="rate_limited", transient=True, retry_after=8)
    run = go(Reserved)
    assert run.status is RunStatus.SCHEDULED
    assert due_in(run) <= 9


def test_an_open_breaker_falls_back_at_once_and_the_next_turn_begins_at_the_top() -> None:
    with told_llms({"breaker": {"failures": 1, "open_seconds": 30}}):
        fail("first", 1)
        asked.clear()
        assert go(Reserved).output == "second says so."
        assert asked == ["second"]
        with move_time(40):
            assert go(Reserved).output == "first says so."


def test_a_rate_limit_that_lasts_falls_back_and_a_short_one_is_waited_for() -> None:
    with told_llms({"requests_per_minute": 2}):
        assert [go(Reserved).output for _ in range(2)] == ["first says so.", "second says so."]
        with move_time(21):
            run = go(Reserved)
            assert (run.status, asked) == (RunStatus.SCHEDULED, ["first", "second"])
        with move_time(31):
            run_until_idle()
            assert run.again().output == "first says so."


def test_when_none_may_be_asked_the_soonest_is_waited_for() -> None:
    second = {"llm": "tests.runtime.llms.ToldLLM", "requests_per_minute": 3}
    first = {"llm": "tests.runtime.llms.ToldLLM", "requests_per_minute": 1}
    with told_llms(), with_settings(LLMS={"first": first, "second": second}):
        go(Reserved)
        go(Reserved)
        run = go(Reserved)
        assert due_in(run) <= 20
        assert "second is asked as often" in reason(run)
        with move_time(21):
            run_until_idle()
            assert run.again().output == "second says so."


def test_fallbacks_of_an_alias() -> None:
    with told_llms({"fallback_llms": ["second"]}):
        behaviour["first"] = LLMError("No money.", code="quota_exceeded")
        assert go(Plain).output == "second says so."


def test_a_reply_is_not_lost_because_nothing_could_be_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise OperationalError("away")

    with told_llms({"tokens_per_minute": 6000, "max_concurrent": 2}):
        monkeypatch.setattr(llms, "give_back", broken)
        assert go().status is RunStatus.COMPLETED


def test_the_timeline_names_the_llm_of_each_attempt() -> None:
    behaviour["first"] = LLMError("No money.", code="quota_exceeded")
    run = go(Reserved)
    client = Client()
    client.force_login(office.person("olga", is_staff=True, is_superuser=True))
    page = client.get(reverse("admin:agents_app_agentcontext_change", args=[run.id])).content.decode()
    assert "No money. (quota_exceeded)" in page
    assert re.search(r"did not reply.{0,500}\bfirst\b", page, re.DOTALL), "who failed"
    assert "second-2026" in page
