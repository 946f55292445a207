"""Amounts of money in calls and answers, as the code declares them today, and as people read them."""

import json
import re
from collections.abc import Mapping
from typing import Any

from django.utils import formats

from agents_app.definitions.amounts import currencies_in, digits_of, number_of
from agents_app.definitions.registry import registry, tool_now
from agents_app.exceptions import UnknownAgent
from agents_app.models import ToolCall

CURRENCY_NAMES = frozenset(["currency", "currency_code", "currencyCode"])
CURRENCY = re.compile(r"[A-Z]{3}")
AMOUNT_NAMES = frozenset(["amount", "price", "total", "subtotal", "sum", "fee", "cost", "balance"])
"""The last word of a name that means money where a currency stands beside it: `price`, `unit_price`, `unitPrice`."""
WORD_ENDS = re.compile(r"_|(?<=[a-z0-9])(?=[A-Z])")
DEEPEST = 30
"""What is nested deeper is shown as it is stored."""


def currencies_of_call(agent: str, call: ToolCall) -> Mapping[str, str]:
    """As `ToolSpec.currencies`. Nothing if the tool was another when called."""
    tool = tool_now(agent, call.tool)
    if tool is None or tool.schema_hash != call.schema_hash:
        return {}
    return tool.currencies


def currencies_of_answer(agent: str) -> Mapping[str, str]:
    """By its place, the currency of each part of the agent's answer that is an amount."""
    try:
        return dict(currencies_in(registry.get(agent).answer.type))
    except (UnknownAgent, NameError, TypeError):
        return {}  # gone, or a type without named parts


def shown_amount(value: Any, currency: str) -> str:
    """`1,062.50 EUR`, in the language of who reads it; empty for what is no plain number. Nothing is rounded away."""
    number = number_of(value)
    if number is None:
        return ""
    return f"{formats.number_format(number, digits_of(number, currency), force_grouping=True)} {currency}"


def with_amounts(
    value: Any, currencies: Mapping[str, str], *, place: str = "", around: str = "", depth: int = 0
) -> Any:
    """The same JSON value for people: each amount in it, also in lists and objects, as `shown_amount` writes it.

    What the code declares as `Money` (currencies: by place) is an amount, and what is named like one where a currency
    stands beside it in the same object, or in the one around it. Whole numbers (3, "3") are so by declaration alone:
    beside a currency they may count cents. around: the currency of the object that this value is in.
    """
    if depth > DEEPEST:
        return value
    if isinstance(value, list):
        return [with_amounts(each, currencies, place=place, around=around, depth=depth + 1) for each in value]
    if isinstance(value, dict):
        return _object_with_amounts(value, currencies, place, around, depth)
    declared = currencies.get(place)
    if not declared or value in (None, ""):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return shown_amount(value, declared) or f"{text} {declared}"


def _object_with_amounts(
    value: dict[str, Any], currencies: Mapping[str, str], place: str, around: str, depth: int
) -> dict[str, Any]:
    own = _currency_in(value)
    shown: dict[str, Any] = {}
    for name, each in value.items():
        inner = f"{place}.{name}" if place else name
        beside = own or around if inner not in currencies and _means_money(name) and _has_point(each) else ""
        shown[name] = (beside and shown_amount(each, beside)) or with_amounts(
            each, currencies, place=inner, around=own, depth=depth + 1
        )
    return shown


def _currency_in(value: Mapping[str, Any]) -> str:
    """The one currency that stands in an object; empty without one, or with two."""
    found = {each for name, each in value.items() if name in CURRENCY_NAMES and isinstance(each, str)}
    currency = found.pop() if len(found) == 1 else ""
    return currency if CURRENCY.fullmatch(currency) else ""


def _has_point(value: Any) -> bool:
    return isinstance(value, float) or (isinstance(value, str) and "." in value)


def _means_money(name: str) -> bool:
    return WORD_ENDS.split(name)[-1].lower() in AMOUNT_NAMES
