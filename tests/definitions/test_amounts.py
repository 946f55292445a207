"""Which values are amounts, and their digits; what is no plain number is left alone."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from agents_app import Money, Ref
from agents_app.definitions.amounts import currencies_in, currency_of, number_of, with_cents

NO_NUMBERS = [
    None,
    True,
    "",
    "***",
    "62,5",
    "1e3",
    "NaN",
    "Infinity",
    "١٢",
    "1_000",
    " 5",
    "9" * 16,
    [5],
    {"a": 1},
    1e-7,
]


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_what_is_no_plain_number_is_no_amount(value: Any) -> None:
    assert number_of(value) is None
    assert with_cents(value, "EUR") is value


@pytest.mark.parametrize(
    ("value", "currency", "expected"),
    [
        (Decimal("62.5"), "EUR", "62.50"),
        (Decimal("120"), "EUR", "120"),
        (Decimal("1234.125"), "EUR", "1234.125"),
        (12.5, "USD", "12.50"),
        (Decimal("0.5"), "JPY", "0.5"),
        (5, "EUR", "5"),
        ("62.5", "EUR", "62.5"),
    ],
)
def test_cents_in_a_sentence(value: Any, currency: str, expected: str) -> None:
    assert str(with_cents(value, currency)) == expected


def test_the_currency_of_what_is_marked() -> None:
    assert currency_of([Ref("shop.Order"), Money("CHF")]) == "CHF"
    assert currency_of([Ref("shop.Order")]) == ""


class Price(TypedDict):
    net: Annotated[Decimal, Money("EUR")]


@dataclass
class Line:
    price: Price | None
    tips: list[Annotated[Decimal, Money("CHF")]]


class Order(BaseModel):
    lines: list[Line]
    total: Annotated[Decimal, Money("EUR")] | None = Field(None, alias="sum")
    follows: "Order | None" = None
    by_name: dict[str, Line] = {}


def test_the_places_of_amounts_in_a_type() -> None:
    assert dict(currencies_in(Order)) == {"lines.price.net": "EUR", "sum": "EUR"}
    assert dict(currencies_in(Annotated[Order, "whatever"])) == dict(currencies_in(list[Order]))
    assert dict(currencies_in(int)) == dict(currencies_in(Any)) == {}
