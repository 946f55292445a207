"""The kill switch: nothing of what is switched off starts, approved or not, until it is switched on again."""

import logging
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from agents_app.conf import conf
from agents_app.core.canonical import clean_text
from agents_app.definitions.registry import registry
from agents_app.exceptions import InvalidInput, UnknownAgent
from agents_app.models import KillSwitch, database_now
from agents_app.selectors.people import lacking, name_of
from agents_app.selectors.runs import one_of
from agents_app.selectors.switches import STOP, may_stop, visible_switches
from agents_app.services.journal import ADDED, noted
from agents_app.services.runs import checked_reason

logger = logging.getLogger("agents_app.services")

SHOWN = 5
"""Switches that are named on the pages of what they hold back."""


def switch_off(*, by: Any, reason: str, agent: str = "", tool: str = "") -> KillSwitch:
    """Let no call start any more: of this tool, of this agent, or (both left out) any call at all.

    Calls that have started are not touched. What is switched off already stays so, with its reason; that row is given.
    Needs stop_agents. Raises NotPermitted, and InvalidInput for names that nobody has, or without a reason.
    """
    _may(by)
    text = clean_text(checked_reason(reason).strip())[0]
    if not text:
        raise InvalidInput(gettext("Say why: staff and the agents read the reason."), code="reason_required")
    check_names(agent, tool)
    off = KillSwitch.objects.filter(agent=agent, tool=tool, on_at=None)
    try:
        with transaction.atomic(using=conf.DATABASE):
            if (known := off.first()) is not None:
                return known
            made = KillSwitch(agent=agent, tool=tool, reason=text, off_by=name_of(by), off_at=database_now())
            made.save()
            noted(by, made, f"switched off: {text}", ADDED)
    except IntegrityError:
        return off.get()  # somebody else was faster
    logger.warning("%s switched off %s: %s", name_of(by), made, text)
    return made


def switch_on(switch_id: Any, *, by: Any, reason: str = "") -> KillSwitch:
    """Let calls start again. Those that were rejected meanwhile stay so. Needs stop_agents.

    What is switched on already stays so. Raises NotPermitted and NotFound.
    """
    _may(by)
    switch: KillSwitch = one_of(visible_switches(by), switch_id)
    values = {"on_by": name_of(by), "on_at": database_now(), "on_reason": clean_text(checked_reason(reason).strip())[0]}
    with transaction.atomic(using=conf.DATABASE):
        done = KillSwitch.objects.filter(pk=switch.pk, on_at=None).update(**values)
        if done:
            noted(by, switch, "switched on")
    if done:
        logger.warning("%s switched on %s.", name_of(by), switch)
    switch.refresh_from_db()
    return switch


def check_names(agent: str, tool: str) -> None:
    """Raise InvalidInput if there is no such agent or tool: who mistypes must not believe that it is stopped."""
    agents = [registry.get(agent)] if agent else registry.all()
    if tool and not any(tool in definition.tools for definition in agents):
        where = f"The agent {agent} has" if agent else "No agent has"
        names = sorted({name for definition in agents for name in definition.tools})
        raise InvalidInput(
            gettext("%(where)s no tool “%(tool)s”. Tools: %(names)s.")
            % {"where": where, "tool": tool, "names": ", ".join(names) or "none"},
            code="unknown_tool",
        )


def _may(by: Any) -> None:
    if not may_stop(by):
        raise lacking(STOP)


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
