"""Which values are amounts, and how they read in the language of who reads them."""

from copy import deepcopy
from decimal import Decimal
from typing import Annotated, Any

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from agents_app import Agent, Money
from agents_app.definitions.registry import registry, tool_now
from agents_app.services.amounts import currencies_of_answer, shown_amount, with_amounts
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


@pytest.mark.parametrize(
    ("value", "currency", "english", "german"),
    [
        ("62.5", "EUR", "62.50 EUR", "62,50 EUR"),
        (120, "EUR", "120.00 EUR", "120,00 EUR"),
        (12.5, "USD", "12.50 USD", "12,50 USD"),
        ("-1234567.8", "EUR", "-1,234,567.80 EUR", "-1.234.567,80 EUR"),
        ("0.125", "EUR", "0.125 EUR", "0,125 EUR"),
        ("2.500", "EUR", "2.50 EUR", "2,50 EUR"),
        ("1500", "JPY", "1,500 JPY", "1.500 JPY"),
        ("1.5", "KWD", "1.500 KWD", "1,500 KWD"),
        (Decimal("999999999999999.99"), "EUR", "999,999,999,999,999.99 EUR", "999.999.999.999.999,99 EUR"),
    ],
)
def test_amounts_read_as_amounts(value: Any, currency: str, english: str, german: str) -> None:
    with translation.override("en"):
        assert shown_amount(value, currency) == english
    with translation.override("de"):
        assert shown_amount(value, currency) == german


@pytest.mark.parametrize("value", [None, True, "***", "62,5", "1e3", [5]])
def test_what_is_no_plain_number_is_no_amount(value: Any) -> None:
    assert shown_amount(value, "EUR") == ""


@given(st.decimals("-1e14", "1e14", places=4), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_nothing_is_rounded_away(value: Decimal, currency: str) -> None:
    with translation.override("en"):
        text = shown_amount(str(value.normalize() + 0) if value == value.to_integral_value() else str(value), currency)
    assert not text or Decimal(text.removesuffix(f" {currency}").replace(",", "")) == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"amount": "1062.5", "currency": "EUR"}, {"amount": "1,062.50 EUR", "currency": "EUR"}),
        ({"order": {"price": 62.5, "currency": "USD"}}, {"order": {"price": "62.50 USD", "currency": "USD"}}),
        (
            {"currency": "EUR", "items": [{"unitPrice": "2.5"}, {"unit_price": "3.1", "currency_code": "JPY"}]},
            {
                "currency": "EUR",
                "items": [{"unitPrice": "2.50 EUR"}, {"unit_price": "3.1 JPY", "currency_code": "JPY"}],
            },
        ),
    ],
)
def test_a_currency_beside_an_amount_or_around_it(value: Any, expected: Any) -> None:
    before = deepcopy(value)
    assert with_amounts(value, {}) == expected
    assert value == before, "what is stored stays as it is"


@pytest.mark.parametrize(
    "value",
    [
        {"amount": 1062, "currency": "EUR"},
        {"amount": "1062", "currency": "EUR"},
        {"pieces": "3.5", "rate": "0.19", "currency": "EUR"},
        {"amount": "3.5"},
        {"amount": "3.5", "currency": "euro"},
        {"amount": "3.5", "currency": "***"},
        {"amount": True, "currency": "EUR"},
        {"amount": "3.5", "currency": ["EUR"]},
        {"amount": "3.5", "currency": "EUR", "currency_code": "USD"},
        {"currency": "EUR", "order": {"lines": {"price": "3.5"}}},
        [{"currency": "EUR"}, {"price": "3.5"}],
        "3",
        None,
    ],
    ids=str,
)
def test_what_may_be_something_else_is_left_alone(value: Any) -> None:
    assert with_amounts(value, {}) == value


def test_what_is_declared_counts_before_what_stands_beside_it() -> None:
    value = {"items": [{"price": 2, "currency": "USD"}], "tips": ["1", "2"], "left": None}
    declared = {"items.price": "EUR", "tips": "CHF", "left": "EUR"}
    assert with_amounts(value, declared) == {
        "items": [{"price": "2.00 EUR", "currency": "USD"}],
        "tips": ["1.00 CHF", "2.00 CHF"],
        "left": None,
    }


def test_what_is_nested_very_deeply_is_shown_as_it_is() -> None:
    deep: Any = {"price": "3.5", "currency": "EUR"}
    for _ in range(900):
        deep = [deep]
    assert with_amounts(deep, {}) == deep
