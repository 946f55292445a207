"""Agents by name, and what an agent resolves to."""

import subprocess
import sys
from typing import Any

import pytest

from agents_app import Agent, ToolContext, override_llm, register, tool, tool_context
from agents_app.definitions.registry import definition_of, llm_override_for, registry
from agents_app.exceptions import BrokenAgent, UnknownAgent

with registry.override():
    from tests.typing.agents import Reply, SupportAgent


def agent(name: str = "shop", **options: Any) -> type[Agent[Any]]:
    return type("Shop", (Agent,), {"name": name, **options})


def look(number: int = 1) -> int:
    """Look."""
    return number


def test_the_example() -> None:
    definition = definition_of(SupportAgent)
    assert (definition.name, definition.cls) == ("support", SupportAgent)
    assert definition.description == "Answers customers and refunds their orders."
    assert (definition.llm, definition.max_steps) == ("openai:gpt-5-mini", 12)
    assert (definition.timeout, definition.llm_timeout, definition.temperature) == (None, 60.0, None)
    assert definition.answer_type is Reply
    assert list(definition.tools) == ["lookup_order", "refund"]
    assert definition.asks_user
    assert definition_of(SupportAgent) is definition


def test_the_docstring_of_the_base_is_no_description() -> None:
    assert definition_of(agent()).description == ""


def test_registered_agents_are_found_by_name() -> None:
    shop, other = agent(), agent("other", formerly=("before",))
    with registry.override():
        assert register(shop) is shop
        register(other)
        assert definition_of("shop").cls is shop
        assert definition_of("before").name == "other"
        assert [definition.name for definition in registry.all()] == ["other", "shop"]
        with pytest.raises(UnknownAgent, match=r"“third”.*other, shop"):
            registry.get("third")
    with pytest.raises(UnknownAgent):
        registry.get("before")


def test_registering_twice_is_no_second_agent() -> None:
    shop = agent()
    with registry.override():
        register(shop)
        register(shop)
        assert registry.classes() == [shop]


def test_a_reloaded_module_replaces_its_agents() -> None:
    first, second = agent(), agent()
    with registry.override():
        register(first)
        register(second)
        assert registry.classes() == [second]


def test_two_agents_of_one_name_are_kept_and_not_used() -> None:
    other = type("Other", (Agent,), {"name": "shop"})
    with registry.override(agent(), other):
        assert len(registry.classes()) == 2
        assert registry.all() == []
        with pytest.raises(BrokenAgent, match="2 agents"):
            registry.get("shop")


def test_a_broken_agent_is_remembered_and_not_used() -> None:
    broken = agent(max_steps=0)
    with registry.override():
        register(broken)
        assert registry.classes() == [broken]
        assert registry.all() == []
        with pytest.raises(BrokenAgent, match="max_steps"):
            registry.get("shop")


def test_only_agents_can_be_registered() -> None:
    with pytest.raises(TypeError, match="subclasses of Agent"):
        register(int)  # type: ignore[type-var]


@pytest.mark.parametrize(
    "options",
    [
        {"instructions": "Other."},
        {"max_steps": 3},
        {"timeout": 3},
        {"temperature": 0.5},
        {"llm": "demo"},
        {"llm_timeout": 3},
        {"version": "2"},
        {"metadata": {"a": 1}},
        {"ask_user": False},
        {"tools": [look]},
        {"tools": [tool(effect="read")(look)]},
        {"tools": [tool(effect="read", requires_approval=True)(look)]},
        {"tools": [tool(effect="read", timeout=3)(look)]},
        {"tools": [tool(effect="read", permission="shop.look")(look)]},
    ],
)
def test_the_hash_changes_with_everything_that_matters(options: dict[str, Any]) -> None:
    others = [agent(), agent(tools=[tool(effect="read", retries=1)(look)])]
    assert definition_of(agent(**options)).hash not in {definition_of(other).hash for other in others}
    assert definition_of(agent(**options)).hash == definition_of(agent(**options)).hash


def test_instructions_can_be_made_per_run() -> None:
    class Polite(Agent[str]):
        name = "polite"
        instructions = "Be polite."

        def get_instructions(self, context: ToolContext) -> str:
            return f"{self.instructions} You talk to {context.user}."

    assert definition_of(Polite).instructions_for(tool_context(user="Ann")) == "Be polite. You talk to Ann."
    assert definition_of(agent(instructions="Be brief.")).instructions_for(tool_context()) == "Be brief."


def test_override_llm() -> None:
    first, second, shop = object(), object(), agent()
    with override_llm(shop, first):
        with override_llm(shop, second):
            assert llm_override_for("shop") is second
        assert llm_override_for("shop") is first
        assert llm_override_for("other") is None
    assert llm_override_for("shop") is None


def test_importing_the_package_needs_no_app_registry() -> None:
    """Nor settings, a database, or what asks LLMs: settings and `agents.py` may import it, and it takes no time."""
    heavy = ("django.conf.", "django.contrib", "django.db", "django.http", "django.template", "pydantic_ai")
    code = f"import sys, agents_app; print([name for name in sys.modules if name.startswith({heavy})])"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"
