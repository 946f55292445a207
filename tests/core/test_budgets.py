"""The sums behind budgets."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from agents_app.core.budgets import (
    Budget,
    Kind,
    Period,
    Refusal,
    Scope,
    amount_text,
    as_usd,
    estimated_tokens,
    window_of,
)
from agents_app.core.transcript import (
    AssistantMessage,
    CallResult,
    FunctionSpec,
    LLMRequest,
    ProposedCall,
    UserMessage,
)


def test_of_two_budgets_each_lower_limit_counts() -> None:
    one = Budget(steps=5, tokens=100, money="2.50 USD", time=timedelta(hours=2))
    other = Budget(steps=9, tool_calls=3, money=Decimal(1), time=timedelta(hours=1))
    narrow = Budget(steps=5, tool_calls=3, tokens=100, money=Decimal(1), time=timedelta(hours=1))
    assert one.narrowed(other) == other.narrowed(one) == narrow
    assert narrow.seconds == 3600


@pytest.mark.parametrize(
    "given",
    [
        {"steps": -1},
        {"tokens": 1.5},
        {"tool_calls": True},
        {"money": 2.5},
        {"money": "2.50 EUR"},
        {"money": "much"},
        {"money": "NaN"},
        {"money": "-1"},
        {"time": 60},
        {"time": timedelta(0)},
    ],
    ids=str,
)
def test_a_budget_that_cannot_be_used_says_why(given: dict[str, Any]) -> None:
    (problem,) = Budget(**given).problems()
    assert next(iter(given)) in problem


@pytest.mark.parametrize("text", ["2.50 USD", "2.5", " 2.50  USD "])
def test_money_is_exact(text: str) -> None:
    assert as_usd(text) == Decimal("2.5")
    assert as_usd(3) == 3


def test_windows_begin_with_their_period() -> None:
    moment = datetime(2026, 11, 21, 14, 30, 5, 6, tzinfo=UTC)
    begins = {period: window_of(period, moment) for period in Period}
    assert begins[Period.HOUR] == datetime(2026, 11, 21, 14, tzinfo=UTC)
    assert begins[Period.DAY] == datetime(2026, 11, 21, tzinfo=UTC)
    assert begins[Period.MONTH] == datetime(2026, 11, 1, tzinfo=UTC)
    assert begins[Period.EVER] == window_of(Period.EVER, moment.replace(year=2031))


def test_the_estimate_counts_all_that_is_sent() -> None:
    small = LLMRequest(llm="x", instructions="Be brief.", messages=(UserMessage(text="Hello"),))
    assert 5 <= estimated_tokens(small) <= 30
    said = AssistantMessage(text="a" * 300, calls=(ProposedCall(id="1", name="look", arguments="b" * 300),))
    heard = CallResult(call_id="1", name="look", content="c" * 300)
    tool = FunctionSpec(name="look", description="d" * 300, parameters={"type": "object"})
    long = LLMRequest(llm="x", instructions="Be brief.", messages=(*small.messages, said, heard), functions=(tool,))
    assert estimated_tokens(long) - estimated_tokens(small) > 400
    chinese = LLMRequest(llm="x", instructions="", messages=(UserMessage(text="\u4f60" * 100),))
    assert estimated_tokens(chinese) >= 100


def test_amounts_for_people() -> None:
    assert amount_text(Kind.TOOL_CALLS, 12_000) == "12,000 tool calls"
    assert [amount_text(Kind(each), 1) for each in ("tool_calls", "steps", "tokens")] == [
        "1 tool call",
        "1 step",
        "1 token",
    ]
    assert amount_text(Kind.MONEY, Decimal(1)) == "1.00 USD"
    assert [amount_text(Kind.MONEY, Decimal(each)) for each in ("2.5", "100", "0.00012", "0")] == [
        "2.50 USD",
        "100.00 USD",
        "0.00012 USD",
        "0.00 USD",
    ]


def test_a_refusal_says_whose_and_how_much() -> None:
    wanted: dict[str, Any] = {"spent": 900, "reserved": 50, "wanted": 100}
    refusal = Refusal(scope=Scope.USER, period=Period.DAY, kind=Kind.TOKENS, limit=1000, **wanted)
    assert refusal.code == "budget_tokens_exceeded"
    assert refusal.message == (
        "The user's budget of 1,000 tokens per day has not enough left: "
        "900 tokens spent, 50 reserved, 100 tokens needed."
    )
