"""Rules in an agent's code."""

from typing import Any

import pytest

from agents_app import Agent, Approvers, Condition, Rule, tool
from agents_app.core.conditions import Operator
from agents_app.definitions.inspection import inspect_agent

LARGE = Condition(path="amount", operator=Operator.MORE_THAN, value=100)


def agent_with(policy: Any) -> type[Agent[str]]:
    class Payer(Agent[str]):
        name = "payer"

        @tool(effect="read")
        def look(self, number: str) -> str:
            """Look."""
            return number

        @tool
        def pay(self, amount: int) -> int:
            """Pay."""
            return amount

    Payer.policy = policy
    return Payer


def test_a_rule_goes_to_the_tools_it_speaks_of() -> None:
    rules = [Rule(answer="ask", tool="pay", when=[LARGE], name="large"), Rule(answer="allow")]
    definition = inspect_agent(agent_with(rules)).definition
    assert definition is not None
    assert [rule.name for rule in definition.tools["pay"].rules] == ["large", "rule 2"]
    assert [rule.name for rule in definition.tools["look"].rules] == ["rule 2"]


def test_rules_are_a_part_of_what_the_agent_does() -> None:
    """Its hash is another with rules, and what it was without."""
    hashes = {inspect_agent(agent_with(rules)).definition.hash for rules in ([], [Rule(answer="deny")])}  # type: ignore[union-attr]
    assert len(hashes) == 2
    assert inspect_agent(agent_with(())).definition.hash in hashes  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (Rule(answer="ask"), "no list of rules"),
        (["ask"], "no list of rules"),
        ([Rule(answer="perhaps")], "`answer` is one of"),
        ([Rule(answer="ask", tool="fly")], "has no tool fly"),
        ([Rule(answer="ask", when=[LARGE])], "name it"),
        ([Rule(answer="ask", tool="look", when=[LARGE])], "no field amount"),
        ([Rule(answer="ask", when=["amount > 5"])], "`when` is a list"),  # type: ignore[list-item]
        ([Rule(answer="ask", priority=True)], "`priority`"),
        ([Rule(answer="ask", approvers=Approvers(quorum=0))], "`approvers`"),
    ],
    ids=[str(number) for number in range(9)],
)
def test_a_rule_that_is_not_right_says_what(policy: Any, message: str) -> None:
    (problem,) = inspect_agent(agent_with(policy)).problems
    assert problem.code == "agents_app.E028"
    assert message in problem.message
