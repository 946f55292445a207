"""Budgets with real workers: what is held while the LLM is asked, who gets the last of it, and what a lost worker
leaves."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from agents_app import Budget
from agents_app.core.transcript import LLMReply, LLMRequest, Usage
from agents_app.definitions.registry import registry
from agents_app.exceptions import LLMError, StaleContext
from agents_app.models import AgentBudget, AgentEvent, AgentStep
from agents_app.runtime import iterate
from agents_app.runtime.budgets import reserve
from agents_app.runtime.held import Held, ThinkAct
from agents_app.runtime.request import build_request
from agents_app.services import SYSTEM, Run, approve, cancel_run, set_budget, start_run
from agents_app.testing import AgentsKit, calls, hang, move_time, run_until_idle, turn
from agents_app.transitions import claims
from tests import office
from tests.office import Clerk
from tests.scenarios.checks import assert_sound
from tests.scenarios.meanwhile import elsewhere, together

Started = Callable[..., Run[str]]


def settings_with(**given: Any) -> override_settings:
    return override_settings(AGENTS_APP={**settings.AGENTS_APP, **given})


def the_budget() -> AgentBudget:
    return AgentBudget.objects.get()


def asking(run: Run[Any]) -> tuple[Held, ThinkAct]:
    """A worker that is about to ask the LLM."""
    claim = claims.claim(run.id)
    assert claim is not None
    held = Held(claim=claim, definition=registry.get("clerk"), inline=False)
    (act,) = iterate.prepare(held)
    assert isinstance(act, ThinkAct)
    return held, act


def hold_budget(held: Held, act: ThinkAct) -> str:
    """Reserve for this attempt; the code of the budget that refuses, if one does."""
    try:
        reserve(held, act, build_request(held, act.permit.llm))
    except LLMError as refused:
        return refused.code
    return ""


def test_what_a_reply_may_cost_is_held_while_the_llm_is_asked(started: Started) -> None:
    seen: list[AgentBudget] = []

    def reply(request: LLMRequest) -> Any:
        seen.append(elsewhere(the_budget))
        return turn("Done.", usage=Usage(input_tokens=100, output_tokens=7, cost=Decimal("0.25")))

    with settings_with(PRICES={}):
        run = started(reply, budget=Budget(tokens=10_000, money="2 USD"))
    assert run.status == "completed"
    during, after = seen[0], the_budget()
    assert during.tokens_spent == 0
    assert 4096 < during.tokens_reserved < 10_000
    assert (after.tokens_reserved, after.tokens_spent) == (0, 107)
    assert (after.money_reserved, after.money_spent) == (0, Decimal("0.25"))
    events = {event.type: event for event in AgentEvent.objects.filter(context_id=run.id)}
    assert events["budget.reserved"].data["tokens"] == during.tokens_reserved
    settled = events["budget.settled"]
    assert (settled.data["tokens"], settled.data["money"], settled.data["state"]) == (107, "0.25", "settled")
    assert events["budget.reserved"].sequence < settled.sequence < events["step.completed"].sequence
    assert_sound(run)


def test_money_is_held_by_the_price_of_the_settings(started: Started) -> None:
    seen: list[AgentBudget] = []

    def reply(request: LLMRequest) -> Any:
        seen.append(elsewhere(the_budget))
        return "Done."

    with settings_with(PRICES={"demo": {"input": "1", "output": "10"}}):
        started(reply, budget=Budget(money="1.00 USD"))
    assert Decimal("0.04096") < seen[0].money_reserved < Decimal("0.05")  # the longest reply, and the prompt


def test_of_two_runs_of_a_user_one_gets_the_last_tokens(carl: Any, agents: AgentsKit) -> None:
    set_budget(Budget(tokens=7_000), by=SYSTEM, user=carl)
    workers = [asking(start_run(Clerk, "go", user=carl)) for _ in range(2)]
    for round_ in range(3):
        ends = together(*[lambda held=held, act=act: hold_budget(held, act) for held, act in workers])
        assert sorted(map(str, ends)) == ["", "budget_tokens_exceeded"], round_
        step = AgentStep.objects.get(reservation__isnull=False)
        assert the_budget().tokens_reserved == step.reservation["tokens"]
        AgentBudget.objects.update(tokens_reserved=0, steps_spent=0)
        AgentStep.objects.update(reservation=None)


def test_many_runs_of_a_user_at_once_never_spend_more(agents: AgentsKit, carl: Any) -> None:
    """Each holds more than the 4,000 tokens that it uses: of 14,000 at most three get theirs."""
    set_budget(Budget(tokens=14_000), by=SYSTEM, user=carl)
    agents.scripted_llm(Clerk, turn("Done.", usage=Usage(input_tokens=3_000, output_tokens=1_000)))
    runs = [start_run(Clerk, "go", user=carl) for _ in range(8)]
    run_until_idle()
    codes = [end.error[0] if end.error else "" for end in (run.again() for run in runs)]
    assert set(codes) == {"", "budget_tokens_exceeded"}
    assert 1 <= codes.count("") <= 3
    budget = the_budget()
    assert (budget.tokens_spent, budget.tokens_reserved) == (4_000 * codes.count(""), 0)
    for run in runs:
        assert_sound(run)


def test_a_lost_attempt_keeps_its_reservation_and_a_late_result_frees_nothing(agents: AgentsKit) -> None:
    agents.scripted_llm(Clerk, turn("Done.", usage=Usage(input_tokens=5, output_tokens=5)))
    run = start_run(Clerk, "go", budget=Budget(tokens=20_000))
    late, first = asking(run)
    hold_budget(late, first)
    reserved = the_budget().tokens_reserved
    with move_time(31):
        held, second = asking(run)
        assert second.attempt == 2
        assert (the_budget().tokens_spent, the_budget().tokens_reserved) == (reserved, 0)
        hold_budget(held, second)
        for act in (first, second):
            with pytest.raises(StaleContext):
                iterate.settle(late, act, LLMReply(text="Too late.", usage=Usage(input_tokens=1, output_tokens=1)))
        with pytest.raises(StaleContext):
            reserve(late, first, build_request(late, first.permit.llm))
        assert (the_budget().tokens_spent, the_budget().tokens_reserved) == (reserved, reserved)
        iterate.settle(held, second, LLMReply(text="Done.", usage=Usage(input_tokens=6, output_tokens=4)))
    assert run.again().status == "completed"
    assert (the_budget().tokens_spent, the_budget().tokens_reserved) == (reserved + 10, 0)
    (lost,) = AgentStep.objects.get(kind="think").reservation["earlier"]
    assert (lost["attempt"], lost["state"], lost["tokens"]) == (1, "kept", reserved)


def test_lost_attempts_use_a_budget_up(agents: AgentsKit) -> None:
    """An LLM that kills its workers does not spend without limit, whatever came of its replies."""
    agents.scripted_llm(Clerk, "Done.")
    run = start_run(Clerk, "go", budget=Budget(tokens=14_000))
    codes = []
    for round_ in range(3):
        with move_time(31 * round_):
            codes.append(hold_budget(*asking(run)))
    assert codes == ["", "", "budget_tokens_exceeded"]
    assert the_budget().tokens_spent + the_budget().tokens_reserved <= 14_000


def test_a_run_that_is_cancelled_while_the_llm_hangs_keeps_what_was_held(started: Started, carl: Any) -> None:
    def hang_forever(request: LLMRequest) -> Any:
        (run_id,) = elsewhere(lambda: list(AgentBudget.objects.values_list("context_id", flat=True)))
        elsewhere(lambda: cancel_run(run_id, by=SYSTEM))
        return hang()

    with settings_with(HEARTBEAT_SECONDS=0.1):
        run = started(hang_forever, budget=Budget(tokens=20_000))
    assert run.status == "cancelled"
    assert the_budget().tokens_reserved == 0
    assert the_budget().tokens_spent > 4096
    assert_sound(run)


def test_a_budget_that_is_set_meanwhile_counts_from_the_next_claim(started: Started, carl: Any) -> None:
    run = started(calls("pay", to="Ann", amount=120), "Done.", user=carl)
    assert run.status == "waiting_for_approval"
    set_budget(Budget(tool_calls=0), by=SYSTEM, user=carl)
    dora = office.decider()
    request = office.request_of(run)
    approve(request.pk, by=dora, digest=request.digest)
    run_until_idle()
    ended = run.again()
    assert (ended.status, ended.error and ended.error[0]) == ("failed", "budget_tool_calls_exceeded")
    assert office.done == []
    assert_sound(run)
