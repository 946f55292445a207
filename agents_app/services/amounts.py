"""Amounts of money in calls and answers, as the code declares them today, and as people read them."""

from collections.abc import Mapping
from typing import Any, get_type_hints

from django.utils import formats

from agents_app.definitions.amounts import currency_of, digits_of, number_of
from agents_app.definitions.annotations import markers_of
from agents_app.definitions.registry import registry, tool_now
from agents_app.exceptions import UnknownAgent
from agents_app.models import ToolCall


def currencies_of_call(agent: str, call: ToolCall) -> Mapping[str, str]:
    """By the name of each parameter that is an amount: its currency. Nothing if the tool was another when called."""
    tool = tool_now(agent, call.tool)
    if tool is None or tool.schema_hash != call.schema_hash:
        return {}
    return tool.currencies


def currencies_of_answer(agent: str) -> Mapping[str, str]:
    """By the name of each part of the agent's answer that is an amount: its currency."""
    try:
        hints = get_type_hints(registry.get(agent).answer.type, include_extras=True)
    except (UnknownAgent, NameError, TypeError):
        return {}  # gone, or a type without named parts
    return {name: found for name, hint in hints.items() if (found := currency_of(markers_of(hint)))}


def shown_amount(value: Any, currency: str) -> str:
    """`1,062.50 EUR`, in the language of who reads it; empty for what is no plain number. Nothing is rounded away."""
    number = number_of(value)
    if number is None:
        return ""
    return f"{formats.number_format(number, digits_of(number, currency), force_grouping=True)} {currency}"
