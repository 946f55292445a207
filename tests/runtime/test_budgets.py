"""What a run may spend: held before the LLM is asked, charged after, and the end of the run when nothing is left."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext, override_settings

from agents_app import Budget
from agents_app.core.budgets import Period, Scope
from agents_app.core.status import RunStatus, ToolCallStatus
from agents_app.core.transcript import LLMReply, Usage
from agents_app.definitions.registry import registry
from agents_app.exceptions import LLMError
from agents_app.models import AgentBudget, AgentEvent, AgentSession, AgentStep
from agents_app.services import SYSTEM, Run, retry_run, set_budget, start_run
from agents_app.testing import AgentsKit, calls, fails, turn
from tests import office
from tests.office import Clerk

pytestmark = pytest.mark.django_db
PRICES = {"demo": {"input": "1", "output": "10"}}
"""USD per million tokens."""


def settings_with(**given: Any) -> override_settings:
    return override_settings(AGENTS_APP={**settings.AGENTS_APP, **given})


def driven(agents: AgentsKit, *turns: Any, **options: Any) -> Run[str]:
    agents.scripted_llm(Clerk, *turns)
    run = start_run(Clerk, "x", **options)
    agents.run_until_idle()
    return run.again()


def budget_of(run: Run[Any]) -> AgentBudget:
    return AgentBudget.objects.get(context_id=run.id)


def types(run: Run[Any]) -> list[str]:
    return list(AgentEvent.objects.filter(context_id=run.id).order_by("sequence").values_list("type", flat=True))


def data_of(run: Run[Any], kind: str) -> dict[str, Any]:
    found: dict[str, Any] = AgentEvent.objects.filter(context_id=run.id, type=kind).latest("sequence").data
    return found


def test_a_reply_is_priced_by_the_settings(agents: AgentsKit) -> None:
    with settings_with(PRICES=PRICES):
        used = turn("Done.", usage=Usage(input_tokens=1000, output_tokens=100, cost=Decimal("0.9")))
        run = driven(agents, used, budget=Budget(money="1.00 USD"))
    assert budget_of(run).money_spent == Decimal("0.002")
    assert AgentStep.objects.get(context_id=run.id, kind="think").cost == Decimal("0.002")


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Budget(tokens=100), "budget_tokens_exceeded"),
        (Budget(money="0.001 USD"), "budget_money_exceeded"),
        (Budget(steps=1), "max_steps"),
    ],
    ids=["tokens", "money", "steps"],
)
def test_without_enough_left_the_llm_is_not_asked(agents: AgentsKit, limits: Budget, code: str) -> None:
    agents.scripted_llm(Clerk, calls("look", number="1"), "Done.")
    with settings_with(PRICES=PRICES):
        run = start_run(Clerk, "x", budget=limits)
        agents.run_until_idle()
    failed = run.again()
    assert (failed.status, failed.error and failed.error[0]) == (RunStatus.FAILED, code)
    assert office.done == []
    if limits.steps is None:
        assert budget_of(run).tokens_reserved == 0
        told = data_of(run, "budget.exceeded")
        assert (told["scope"], told["period"], told["spent"]) == ("run", "ever", "0")


def test_an_llm_of_unknown_price_is_not_asked_where_money_is_limited(agents: AgentsKit) -> None:
    asked: list[Any] = []
    with settings_with(DEFAULT_LLM="openai:of-my-own", PRICES={}):
        run = driven(agents, lambda request: asked.append(1) or "Done.", budget=Budget(money="1 USD"))
        assert (run.error and run.error[0]) == "price_unknown"
        assert asked == []
        other = driven(agents, "Done.", budget=Budget(tokens=100_000))
    assert other.status is RunStatus.COMPLETED


def test_the_demo_llm_costs_nothing(agents: AgentsKit) -> None:
    with settings_with(DEFAULT_LLM="demo", PRICES={}):
        run = driven(agents, "Done.", budget=Budget(money="0 USD"))
    assert run.status is RunStatus.COMPLETED


def test_a_longer_answer_than_was_held_is_charged_as_it_was(agents: AgentsKit) -> None:
    long = turn("", [calls("look", number="1")], usage=Usage(input_tokens=90_000, output_tokens=20_000))
    run = driven(agents, long, "Done.", budget=Budget(tokens=50_000))
    assert (run.error and run.error[0]) == "budget_tokens_exceeded"
    assert (budget_of(run).tokens_spent, budget_of(run).tokens_reserved) == (110_000, 0)
    assert office.names() == ["look"]


def test_a_provider_that_tells_no_usage_is_charged_what_was_held(agents: AgentsKit) -> None:
    run = driven(agents, LLMReply(text="Done."), budget=Budget(tokens=50_000))
    held = data_of(run, "budget.reserved")["tokens"]
    assert (budget_of(run).tokens_spent, budget_of(run).tokens_reserved) == (held, 0)
    settled = data_of(run, "budget.settled")
    assert (settled["state"], settled["note"]) == ("kept", "The provider told no usage.")


def test_what_was_refused_costs_nothing_and_a_lost_reply_all_that_was_held(agents: AgentsKit) -> None:
    for code, spent in (("rate_limited", 0), ("timeout", 1)):
        error = LLMError("No.", code=code)
        run = driven(agents, error, budget=Budget(tokens=50_000))
        budget, held = budget_of(run), data_of(run, "budget.reserved")["tokens"]
        assert (budget.tokens_spent, budget.tokens_reserved) == (spent * held, 0), code


def test_each_attempt_is_held_and_charged_for_itself(agents: AgentsKit) -> None:
    error = LLMError("Broken.", code="invalid_reply", transient=True)
    agents.scripted_llm(Clerk, fails(2, error, turn("Done.", usage=Usage(input_tokens=5, output_tokens=5))))
    run = start_run(Clerk, "x", budget=Budget(tokens=50_000))
    agents.run_until_idle()
    for seconds in (10, 30):
        with agents.move_time(seconds):
            agents.run_until_idle()
    step = AgentStep.objects.get(context_id=run.id, kind="think")
    assert (step.attempt, run.again().status) == (3, RunStatus.COMPLETED)
    assert budget_of(run).tokens_spent == 2 * step.reservation["tokens"] + 10
    assert [entry["state"] for entry in step.reservation["earlier"]] == ["kept", "kept"]
    assert budget_of(run).steps_spent == 1


def test_calls_are_counted_once_however_often_they_are_tried(agents: AgentsKit) -> None:
    def fails_once(context: Any, value: Any) -> str:
        if len(office.done) == 1:
            raise ValueError
        return "ok"

    office.behaviour["look"] = fails_once
    run = driven(agents, calls("look", number="1"), "Done.", budget=Budget(tool_calls=1))
    assert (run.status, office.names()) == (RunStatus.COMPLETED, ["look", "look"])
    assert budget_of(run).tool_calls_spent == 1


def test_the_call_beyond_the_limit_is_not_made(agents: AgentsKit) -> None:
    both = [calls("send", text="a"), calls("send", text="b")]
    run = driven(agents, both, "Done.", budget=Budget(tool_calls=1))
    assert (run.error and run.error[0]) == "budget_tool_calls_exceeded"
    assert office.done == [("send", "a")]
    assert office.call_of(run).status == ToolCallStatus.CANCELLED


def test_reads_beside_the_last_allowed_one_end_first(agents: AgentsKit) -> None:
    reads = [calls("look", number=str(number)) for number in range(3)]
    run = driven(agents, reads, "Done.", budget=Budget(tool_calls=2))
    assert (run.error and run.error[0]) == "budget_tool_calls_exceeded"
    assert sorted(value for _, value in office.done) == ["0", "1"]
    assert types(run).count("budget.exceeded") == 1


def test_the_agents_own_budget_is_narrowed_and_not_widened() -> None:
    class Thrifty(Clerk):
        name = "thrifty"
        max_steps = 9
        budget = Budget(steps=7, tokens=5_000, time=timedelta(minutes=5))

    with registry.override(Thrifty):
        wide = start_run(Thrifty, "x", budget=Budget(steps=50, tokens=9_000, tool_calls=3))
        narrow = start_run(Thrifty, "x", budget=Budget(steps=2, time=timedelta(minutes=1)))
    assert (office.context_of(wide).max_steps, budget_of(wide).tokens, budget_of(wide).tool_calls) == (7, 5_000, 3)
    assert (office.context_of(narrow).max_steps, budget_of(narrow).tokens) == (2, 5_000)
    context = office.context_of(narrow)
    assert context.deadline_at is not None
    assert context.deadline_at - context.status_at <= timedelta(minutes=1)


def test_a_failed_run_goes_on_after_its_budget_was_widened(agents: AgentsKit) -> None:
    run = driven(agents, calls("look", number="1"), "Done.", budget=Budget(tool_calls=0))
    assert (run.error and run.error[0]) == "budget_tool_calls_exceeded"
    again = retry_run(run.id, by=SYSTEM)
    agents.scripted_llm(Clerk, calls("look", number="1"), calls("look", number="2"), "Done.")
    agents.run_until_idle()
    assert again.again().status is RunStatus.FAILED
    set_budget(Budget(tool_calls=5), by=SYSTEM, run=run.id)
    retry_run(run.id, by=SYSTEM)
    agents.scripted_llm(Clerk, *["-"] * 2, calls("look", number="3"), "Done.")
    agents.run_until_idle()
    assert run.again().status is RunStatus.COMPLETED
    assert office.done == [("look", "3")]


# Sessions and users.


def test_the_runs_of_a_user_share_one_budget(agents: AgentsKit) -> None:
    ann, bob = office.person("ann"), office.person("bob")
    set_budget(Budget(tokens=5_000), by=SYSTEM, user=ann, period="day")
    used = turn("Done.", usage=Usage(input_tokens=900, output_tokens=100))
    first = driven(agents, used, user=ann)
    second = driven(agents, used, user=ann)
    other = driven(agents, used, user=bob)
    assert [run.status for run in (first, second, other)] == [
        RunStatus.COMPLETED,
        RunStatus.FAILED,
        RunStatus.COMPLETED,
    ]
    wanted = int(data_of(second, "budget.exceeded")["wanted"])
    assert second.error == (
        "budget_tokens_exceeded",
        f"The user's budget of 5,000 tokens per day has not enough left: 1,000 tokens spent, {wanted:,} tokens needed.",
    )
    budget = AgentBudget.objects.get(user=ann)
    assert (budget.tokens_spent, budget.steps_spent) == (1_000, 1)
    with agents.move_time(24 * 3600):
        assert driven(agents, used, user=ann).status is RunStatus.COMPLETED
        budget.refresh_from_db()
        assert budget.tokens_spent == 1_000


def test_a_refusal_by_the_users_budget_takes_nothing_from_the_runs(agents: AgentsKit) -> None:
    ann = office.person("ann")
    set_budget(Budget(tokens=10), by=SYSTEM, user=ann)
    run = driven(agents, "Done.", user=ann, budget=Budget(tokens=50_000))
    assert (run.error and run.error[0]) == "budget_tokens_exceeded"
    assert (budget_of(run).tokens_reserved, budget_of(run).steps_spent) == (0, 0)
    assert data_of(run, "budget.exceeded")["scope"] == "user"


def test_a_session_has_a_budget_of_its_own(agents: AgentsKit) -> None:
    first = driven(agents, "Done.", session="mail")
    session = AgentSession.objects.get()
    set_budget(Budget(steps=1), by=SYSTEM, session=session)
    second, third = driven(agents, "Done.", session="mail"), driven(agents, "Done.", session="mail")
    assert [run.status for run in (first, second)] == [RunStatus.COMPLETED] * 2
    assert (third.error and third.error[0]) == "budget_steps_exceeded"


def test_a_budget_ends_at_its_moment(agents: AgentsKit) -> None:
    ann = office.person("ann")
    now = office.context_of(start_run(Clerk, "x")).status_at
    set_budget(Budget(), by=SYSTEM, user=ann, ends_at=now + timedelta(hours=1))
    assert driven(agents, "Done.", user=ann).status is RunStatus.COMPLETED
    with agents.move_time(3601):
        late = driven(agents, "Done.", user=ann)
    assert (late.error and late.error[0]) == "budget_time_exceeded"


def test_the_settings_have_defaults_that_a_person_may_change_for_one(agents: AgentsKit) -> None:
    ann, bob = office.person("ann"), office.person("bob")
    limits = {"user": {"month": {"steps": 1}}, "session": {"ever": {"tool_calls": 9}}, "run": {"tool_calls": 4}}
    with settings_with(BUDGETS=limits):
        assert driven(agents, "Done.", user=ann, session="s").status is RunStatus.COMPLETED
        found = {(each.scope, each.period): each for each in AgentBudget.objects.all()}
        assert set(found) == {(Scope.RUN, Period.EVER), (Scope.SESSION, Period.EVER), (Scope.USER, Period.MONTH)}
        assert found[Scope.USER, Period.MONTH].from_settings
        assert (driven(agents, "Done.", user=ann).error or ("",))[0] == "budget_steps_exceeded"
        set_budget(Budget(steps=5), by=SYSTEM, user=ann, period="month")
        assert driven(agents, "Done.", user=ann).status is RunStatus.COMPLETED
    with settings_with(BUDGETS={"user": {"month": {"steps": 2}}}):
        assert [driven(agents, "Done.", user=bob).status for _ in range(3)][-1] is RunStatus.FAILED
    with settings_with(BUDGETS={"user": {"month": {"steps": 3}}}):
        assert driven(agents, "Done.", user=bob).status is RunStatus.COMPLETED


# What it costs.


def statements(agents: AgentsKit, **options: Any) -> list[str]:
    agents.scripted_llm(Clerk, calls("look", number="1"), "Done.")
    with CaptureQueriesContext(connection) as captured:
        run = start_run(Clerk, "x", **options)
        agents.run_until_idle()
    assert run.again().status is RunStatus.COMPLETED
    return [query["sql"] for query in captured.captured_queries]


def test_a_run_without_a_budget_asks_and_writes_nothing_about_any(agents: AgentsKit) -> None:
    ann = office.person("ann")
    free = statements(agents, user=ann)
    own = [sql for sql in free if "agentbudget" in sql.lower()]
    assert all("for no key update" in sql.lower() or "claim_number" in sql.lower() for sql in own)
    assert not [sql for sql in own if sql.lower().startswith(("insert", "update"))]
    set_budget(Budget(tokens=100_000), by=SYSTEM, user=office.person("bob"))
    assert len(statements(agents, user=ann)) == len(free)
