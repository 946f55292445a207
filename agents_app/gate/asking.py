"""Whom people's question is put to: the rule on who may decide, and whom its resolvers name. Asks author's code."""

import logging
from typing import Any

from pydantic import BaseModel

from agents_app.conf import conf
from agents_app.core.approver_rules import Approvers, Asked, Named
from agents_app.definitions.resolvers import resolvers
from agents_app.definitions.tool_context import ToolContext
from agents_app.definitions.tool_spec import ToolSpec
from agents_app.selectors.delegations import key_of
from agents_app.selectors.people import name_of

logger = logging.getLogger("agents_app.gate")

MOST_NAMED = 200


def rule_for(tool: ToolSpec, approvers: Approvers | None) -> Approvers:
    """The rule on a call: that of the policy that asks (`approvers`), else the tool's; with four eyes decided."""
    rule = tool.approvers if approvers is None else approvers
    if rule.four_eyes is None and tool.approvers.four_eyes is not None:
        return rule.with_four_eyes(tool.approvers.four_eyes)
    return rule.with_four_eyes(tool.effect in conf.FOUR_EYES_EFFECTS)


def whom_to_ask(tool: ToolSpec, context: ToolContext, arguments: BaseModel, approvers: Approvers | None) -> Asked:
    """Whom to ask about this call."""
    rule = rule_for(tool, approvers)
    named = named_by(rule, tool, context, arguments)
    return Asked(approvers=rule, permission=tool.permission or "", named=named, risk=tool.risk)


def named_by(rule: Approvers, tool: ToolSpec, context: ToolContext, arguments: BaseModel) -> Named:
    """Whom the rule's resolvers name for these arguments."""
    values = tool.shape.values(arguments) if any(stage.resolver for stage in rule.ordered()) else {}
    return {
        number: _named(stage.resolver, context, values) for number, stage in enumerate(rule.ordered()) if stage.resolver
    }


def _named(name: str, context: ToolContext, values: dict[str, Any]) -> dict[str, str]:
    """Nobody, if the resolver is gone, raises, or names half the world."""
    resolver = resolvers.get(name)
    try:
        people = [] if resolver is None else [user for user in resolver(context, values) if key_of(user)]
    except Exception:
        logger.exception("approver resolver %s raised", name, extra={"run_id": context.run_id})
        return {}
    if resolver is None or len(people) > MOST_NAMED:
        what = "is not there" if resolver is None else f"names more than {MOST_NAMED} people"
        logger.error("approver resolver %s %s", name, what, extra={"run_id": context.run_id})
        return {}
    return {key_of(user): name_of(user) for user in people}
