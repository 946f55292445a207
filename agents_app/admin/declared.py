"""What the code declares today of a run's agent: which values are amounts of money."""

from collections.abc import Iterable, Mapping
from typing import get_type_hints

from agents_app.definitions.annotations import markers_of
from agents_app.definitions.markers import Marker, Money
from agents_app.definitions.registry import registry, tool_now
from agents_app.exceptions import UnknownAgent
from agents_app.models import ToolCall


def currencies_of_call(agent: str, call: ToolCall) -> Mapping[str, str]:
    """By the name of each parameter that is an amount: its currency. Nothing if the tool was another when called."""
    tool = tool_now(agent, call.tool)
    if tool is None or tool.schema_hash != call.schema_hash:
        return {}
    return {name: found for name, markers in tool.markers.items() if (found := _currency(markers))}


def currencies_of_answer(agent: str) -> Mapping[str, str]:
    """By the name of each part of the agent's answer that is an amount: its currency."""
    try:
        hints = get_type_hints(registry.get(agent).answer.type, include_extras=True)
    except (UnknownAgent, NameError, TypeError):
        return {}  # gone, or a type without named parts
    return {name: found for name, hint in hints.items() if (found := _currency(markers_of(hint)))}


def _currency(markers: Iterable[Marker]) -> str:
    return next((marker.currency for marker in markers if isinstance(marker, Money)), "")
