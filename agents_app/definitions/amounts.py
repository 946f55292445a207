"""Which values are amounts of money, and with how many digits they read. What is called with stays as it came."""

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from agents_app.definitions.annotations import markers_of, named_parts
from agents_app.definitions.markers import Marker, Money

NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,12})?")
"""What is written as an amount. Anything else, with an exponent or longer, is shown as it is stored."""

CENTS = 2
NO_CENTS = frozenset(
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split()  # noqa: SIM905 - one line of codes
)
THREE_DIGITS = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])


def currency_of(markers: Iterable[Marker]) -> str:
    """The currency of what is marked so; empty if it is no amount."""
    return next((marker.currency for marker in markers if isinstance(marker, Money)), "")


def currencies_in(annotation: Any, place: str = "", around: tuple[Any, ...] = ()) -> Iterator[tuple[str, str]]:
    """The place of each amount in a type, as `items.price`, with its currency. Lists add nothing to a place, and a type
    that contains itself is looked at once."""
    if place and (currency := currency_of(markers_of(annotation))):
        yield place, currency
    for owner, name, part in named_parts(annotation):
        if owner not in around:
            yield from currencies_in(part, f"{place}.{name}" if place else name, (*around, owner))


def number_of(value: Any) -> Decimal | None:
    """The number that is written as an amount; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, Decimal | int | float | str):
        return None
    text = str(value)
    return Decimal(text) if NUMBER.fullmatch(text) else None


def digits_of(number: Decimal, currency: str) -> int:
    """How many stand behind the point: those of the currency, or more where the number has more."""
    usual = 0 if currency in NO_CENTS else 3 if currency in THREE_DIGITS else CENTS
    exponent = number.normalize().as_tuple().exponent
    return max(usual, -exponent if isinstance(exponent, int) else 0)


def with_cents(value: Any, currency: str) -> Any:
    """The same number, 62.5 with the digits that its currency has: 62.50. A whole one stays as it is."""
    number = number_of(value) if isinstance(value, Decimal | float) else None
    if number is None or number == number.to_integral_value():
        return value
    return number.quantize(Decimal(1).scaleb(-digits_of(number, currency)))
