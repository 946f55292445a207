"""May this call be made at all: allow, ask or deny. By the tool's own declaration and hook, the rules in the agent's
code, and the policies that staff keep. Deny beats ask beats allow; what cannot be evaluated asks.
"""

import json
import logging
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_noop
from pydantic import BaseModel

from agents_app.core.canonical import clean_text
from agents_app.core.conditions import Holding, holds
from agents_app.core.policy import ALLOWED, Answer, Rule, Ruling, strongest
from agents_app.definitions.registry import registry
from agents_app.definitions.tool_context import ToolContext
from agents_app.definitions.tool_spec import ToolSpec
from agents_app.exceptions import AgentsError
from agents_app.models import database_now
from agents_app.selectors.rules import Rules, StaffRule, SwitchedOff, known_rules

logger = logging.getLogger("agents_app.gate")

ALWAYS = gettext_noop("This tool always needs approval.")
UNCLEAR = gettext_noop("The rule of this tool could not be evaluated.")
NO_REASON = gettext_noop("This call needs approval.")
"""Told in the language of who reads them: `ApprovalRequest.why`."""
OWN_RULE = "The tool's own rule asks."


def judge(
    tool: ToolSpec,
    context: ToolContext,
    arguments: BaseModel,
    *,
    rules: Rules | None = None,
    now: datetime | None = None,
) -> Ruling:
    """The answer that counts. rules: None for those that this process knows; now: None to ask the database."""
    return strongest(rulings(tool, context, arguments, rules=rules, now=now))


def rulings(
    tool: ToolSpec,
    context: ToolContext,
    arguments: BaseModel,
    *,
    rules: Rules | None = None,
    now: datetime | None = None,
) -> list[Ruling]:
    """What each rule answers that speaks of this call: staff's first, then the agent's, then the tool's own."""
    known = known_rules() if rules is None else rules
    staff = [rule for rule in known.policies if speaks_of(rule, context.agent, tool.name)]
    found: list[Ruling] = []
    if staff or tool.rules:
        values = json.loads(tool.text(arguments), parse_float=Decimal)
        found += _of_staff(staff, tool, values, now)
        found += [ruling for rule in tool.rules if (ruling := _of_agent(rule, tool, values)) is not None]
    own = _of_tool(tool, context, arguments)
    return found if own is None else [*found, own]


def speaks_of(rule: StaffRule | SwitchedOff, agent: str, tool: str) -> bool:
    """Whether a policy or switch is about this tool of this agent, also where the agent was renamed since."""
    if rule.tool not in ("", tool):
        return False
    return rule.agent in ("", agent) or is_same_agent(rule.agent, agent)


def switched_off(rules: Rules, agent: str, tool: str) -> SwitchedOff | None:
    """The kill switch that holds this call back, None if none does."""
    return next((switch for switch in rules.switches if speaks_of(switch, agent, tool)), None)


def is_same_agent(one: str, other: str) -> bool:
    """Whether both are names of one agent, which was renamed since."""
    try:
        return registry.get(one) is registry.get(other)
    except AgentsError:
        return False


def _of_staff(staff: list[StaffRule], tool: ToolSpec, values: Any, now: datetime | None) -> Iterator[Ruling]:
    if now is None and any(rule.valid_from or rule.valid_until for rule in staff):
        now = database_now()
    for rule in staff:
        if now is not None and not rule.is_valid(now):
            continue
        held = Holding(held=None, reason=rule.broken) if rule.broken else _holds(rule, tool, values)
        ruling = _ruling(rule, f"policy: {rule.name}", held)
        if ruling is not None:
            yield ruling


def _of_agent(rule: Rule, tool: ToolSpec, values: Any) -> Ruling | None:
    return _ruling(rule, f"agent: {rule.name}", _holds(rule, tool, values))


def _holds(rule: StaffRule | Rule, tool: ToolSpec, values: Any) -> Holding:
    conditions = rule.conditions if isinstance(rule, StaffRule) else rule.when
    return holds(conditions, values, tool.parameters, sensitive=tool.sensitive)


def _ruling(rule: StaffRule | Rule, name: str, held: Holding) -> Ruling | None:
    """None: the rule does not speak of this call."""
    if held.held is False:
        return None
    doubt = held.held is None
    reason = held.reason if doubt else rule.reason or held.reason
    answer = Answer.ASK if doubt else Answer(rule.answer)
    return Ruling(
        answer=answer,
        rule=name,
        reason=clean_text(reason or f"It holds for every call ({answer}).")[0],
        told=clean_text(reason)[0],
        priority=rule.priority,
        approvers=rule.approvers,
        doubt=doubt,
    )


def _of_tool(tool: ToolSpec, context: ToolContext, arguments: BaseModel) -> Ruling | None:
    """Ask the tool's declaration and its hook. A hook that raises means: ask a person."""
    if tool.requires_approval:
        return Ruling(answer=Answer.ASK, rule="requires_approval", reason=ALWAYS, told=ALWAYS)
    if not tool.has_needs_approval:
        return None
    try:
        said = tool.needs_approval(context, arguments)
    except Exception:
        logger.exception("needs_approval of %s raised", tool.name, extra={"run_id": context.run_id})
        return Ruling(answer=Answer.ASK, rule="needs_approval", reason=UNCLEAR, told=UNCLEAR, doubt=True)
    if said is False:
        return None
    reason = clean_text(said)[0] if isinstance(said, str) and said else NO_REASON
    return Ruling(answer=Answer.ASK, rule="needs_approval", reason=reason, told=OWN_RULE)


def summarise(tool: ToolSpec, context: ToolContext, arguments: BaseModel) -> str:
    """One sentence on what the call will do; a summary that raises is replaced by the plain call."""
    try:
        return tool.summary(context, arguments)
    except Exception:
        logger.exception("summary of %s raised", tool.name, extra={"run_id": context.run_id})
        return f"{tool.name}(…)"


__all__ = [
    "ALLOWED",
    "Answer",
    "Ruling",
    "is_same_agent",
    "judge",
    "rulings",
    "speaks_of",
    "strongest",
    "summarise",
    "switched_off",
]
