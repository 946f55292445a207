"""What the code declares of values: which are amounts."""

from decimal import Decimal
from typing import Annotated

import pytest
from pydantic import BaseModel

from agents_app import Agent, Money
from agents_app.admin.blocks import block, differences
from agents_app.admin.declared import currencies_of_answer
from agents_app.definitions.registry import registry, tool_now
from tests.admin.till import Till


class Bill(BaseModel):
    text: str
    total: Annotated[Decimal, Money("CHF")]
    tip: Annotated[Decimal, Money("EUR")] | None = None


class Waiter(Agent[Bill]):
    """Brings the bill."""

    name = "waiter"


@pytest.mark.parametrize(
    ("agent", "expected"), [("waiter", {"total": "CHF", "tip": "EUR"}), ("till", {}), ("nobody", {})]
)
def test_amounts_of_an_answer(agent: str, expected: dict[str, str]) -> None:
    with registry.override(Till, Waiter):
        assert dict(currencies_of_answer(agent)) == expected


def test_a_tool_that_is_gone() -> None:
    with registry.override(Till):
        assert tool_now("till", "look") is not None
        assert tool_now("till", "gone") is None
        assert tool_now("nobody", "look") is None


def test_amounts_are_shown_with_their_currency() -> None:
    values = {"total": "12.50", "tip": None, "text": "Thanks"}
    shown = block("answer", "Answer", values, {"total": "CHF", "tip": "EUR"})
    assert shown.pairs == (("Total", "12.50 CHF"), ("Tip", "–"), ("Text", "Thanks"))
    [changed] = differences({"total": "12"}, {"total": "13"}, {"total": "CHF"})
    assert (changed.before, changed.after) == ("12 CHF", "13 CHF")
