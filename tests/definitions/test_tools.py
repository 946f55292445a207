"""`tool`: a decorated tool stays a plain call."""

import asyncio
from decimal import Decimal

import pytest

from agents_app import Agent, tool, tool_context
from agents_app.definitions.registry import definition_of, registry
from agents_app.definitions.tools import FunctionTool, MethodTool

with registry.override():
    from tests.typing import agents as example


class Counter(Agent[str]):
    """Counts."""

    name = "counter"

    def __init__(self) -> None:
        self.calls = 0

    @tool
    def count(self) -> int:
        """Count up."""
        self.calls += 1
        return self.calls

    @tool(effect="read", name="wait_for")
    async def wait(self, number: int, /, *, more: int = 1) -> int:
        return number + more


def test_a_method_stays_a_method() -> None:
    counter = Counter()
    assert [counter.count(), counter.count()] == [1, 2]
    assert asyncio.run(counter.wait(1, more=2)) == 3


def test_a_function_stays_a_function() -> None:
    assert example.now() == "UTC"
    assert example.now(zone="CET") == "CET"
    assert asyncio.run(example.weather("Ulm")) == 3


def test_the_class_shows_the_tool() -> None:
    assert isinstance(Counter.count, MethodTool)
    assert Counter.count.__doc__ == "Count up."
    assert isinstance(example.now, FunctionTool)
    assert repr(Counter.wait) == "<MethodTool wait_for>"


def test_hooks_stay_plain_methods() -> None:
    ask = example.SupportAgent().refund_needs_approval
    assert ask(tool_context(), "A-1", Decimal(51)) == "more than 50 EUR"
    assert ask(tool_context(), "A-1", Decimal(50)) is False


def test_every_call_has_a_new_instance() -> None:
    count = definition_of(Counter).tools["count"]
    arguments = count.validate({})
    assert [count.call(tool_context(), arguments) for _ in range(2)] == [1, 1]


def test_positional_only_parameters_and_keywords_reach_the_tool() -> None:
    wait = definition_of(Counter).tools["wait_for"]
    assert asyncio.run(wait.call(tool_context(), wait.validate({"number": 1, "more": 4}))) == 5


def test_options_can_be_given_in_two_steps() -> None:
    patient = tool(timeout=300)

    @patient(effect="read")
    def look() -> str:
        return "seen"

    class Looker(Agent[str]):
        name = "looker"
        tools = [look]

    spec = definition_of(Looker).tools["look"]
    assert (spec.timeout, spec.effect) == (300, "read")


@pytest.mark.parametrize("name", ["now", "weather", "undecorated", "send", "ask"])
def test_the_tools_of_functions_and_toolsets(name: str) -> None:
    class Small(example.Small):
        name = "smaller"
        tools = example.Small.tools[:-1]

    tools = definition_of(Small).tools
    assert set(tools) == {"now", "weather", "undecorated", "send", "ask"}
    assert tools[name].name == name


def test_tools_of_a_toolset_are_called_on_it() -> None:
    send = definition_of(type("Mailer", (Agent,), {"name": "mailer", "tools": [example.Mail]})).tools["send"]
    arguments = send.validate({"to": "a@b", "text": "hi"})
    assert send.call(tool_context(), arguments) == "a@bhi"
    assert send.precondition(tool_context(), send.validate({"to": "a", "text": "hi"})) == "no address"
    assert send.summary(tool_context(), arguments) == "Mail to a@b"
