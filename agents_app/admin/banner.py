"""What is switched off, said on the pages of what it holds back."""

from typing import Any

from agents_app.definitions.registry import registry
from agents_app.exceptions import UnknownAgent
from agents_app.models import KillSwitch
from agents_app.selectors.switches import visible_switches

SHOWN = 5


def switches_about(user: Any, agent: str | None = None, tool: str | None = None) -> list[KillSwitch]:
    """Kill switches that hold now, the newest first: for one tool, for an agent and its tools, or all of them."""
    off = visible_switches(user).filter(on_at=None).order_by("-off_at", "-pk")
    if agent is None:
        return list(off[:SHOWN])
    tools = _tools_of(agent) if tool is None else [tool]
    return list(off.filter(agent__in=["", agent], tool__in=["", *tools])[:SHOWN])


def _tools_of(agent: str) -> list[str]:
    try:
        return list(registry.get(agent).tools)
    except UnknownAgent:
        return []
