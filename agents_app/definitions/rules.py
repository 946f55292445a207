"""The rules in an agent's code: whether they fit its tools, and which tool each speaks of."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agents_app.core.conditions import problems, stored_conditions
from agents_app.core.policy import Rule
from agents_app.definitions.problems import Code, Problem
from agents_app.definitions.tool_spec import ToolSpec


def rules_of(given: Any, tools: Mapping[str, ToolSpec]) -> tuple[tuple[Rule, ...], list[Problem]]:
    """The rules, each with a name, or what is wrong with them."""
    if not isinstance(given, list | tuple) or not all(isinstance(rule, Rule) for rule in given):
        hint = 'Write `policy = [Rule(answer="ask", tool="refund", when=[Condition(…)])]`.'
        return (), [Problem(code=Code.RULE, message="`policy` is no list of rules.", hint=hint)]
    named = tuple(replace(rule, name=rule.name or f"rule {place}") for place, rule in enumerate(given, 1))
    found = [
        Problem(code=Code.RULE, message=f"`policy`, {rule.name}: {text}", hint="Correct it, or take the rule away.")
        for rule in named
        for text in rule.problems() or _misfits(rule, tools)
    ]
    return named, found


def with_rules(tools: Mapping[str, ToolSpec], rules: Sequence[Rule]) -> dict[str, ToolSpec]:
    """The tools, each with the rules that speak of it."""
    if not rules:
        return dict(tools)
    return {
        name: replace(spec, rules=tuple(rule for rule in rules if rule.tool in (None, name)))
        for name, spec in tools.items()
    }


def rule_facts(rules: Sequence[Rule]) -> list[dict[str, Any]]:
    """What a change of is a change of the agent, as JSON values."""
    return [
        {
            "answer": str(rule.answer),
            "tool": rule.tool,
            "when": stored_conditions(rule.when),
            "reason": rule.reason,
            "name": rule.name,
            "priority": rule.priority,
            "approvers": None if rule.approvers is None else rule.approvers.as_json(),
        }
        for rule in rules
    ]


def _misfits(rule: Rule, tools: Mapping[str, ToolSpec]) -> list[str]:
    if rule.tool is not None and rule.tool not in tools:
        return [f"The agent has no tool {rule.tool}."]
    if rule.tool is None and rule.when:
        # It would ask about every tool without that field, which nobody means.
        return ["A rule with conditions is about one tool: name it."]
    spec = tools.get(rule.tool or "")
    found = [] if spec is None else problems(rule.when, spec.parameters)
    return [f"Condition {problem.index + 1}: {problem.message}" for problem in found]
