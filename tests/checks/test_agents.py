"""Each mistake in a declaration has a check of its own, with a hint, and stops nothing at import."""

from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Annotated, Any

import pytest
from django.core.checks import Error
from django.test import override_settings
from pydantic import BaseModel, Field, SecretStr

from agents_app import Agent, Budget, Knowledge, MigratingRun, Sensitive, ToolContext, Toolset, migrates, register, tool
from agents_app.checks import agent_problems, check_agents
from agents_app.definitions.problems import Code
from agents_app.definitions.registry import definition_of, registry
from agents_app.exceptions import BrokenAgent

AnyAgent = type[Agent[Any]]


def found(*agents: AnyAgent) -> list[Error]:
    with registry.override():
        for agent in agents:
            register(agent)
        return [message for message in check_agents() if isinstance(message, Error)]


def ids(*agents: AnyAgent) -> list[str]:
    return [str(message.id) for message in found(*agents)]


def with_tools(*tools: Any) -> AnyAgent:
    return type("Shop", (Agent,), {"name": "shop", "tools": list(tools)})


def with_options(**options: Any) -> AnyAgent:
    return type("Shop", (Agent,), {"name": "shop", **options})


def nothing() -> None: ...


def unannotated(number) -> str: ...  # type: ignore[no-untyped-def, empty-body]


def unresolved(number: "Missing") -> None: ...  # type: ignore[name-defined]  # noqa: F821 - that is the mistake


def without_schema(number: Callable[[], int]) -> None: ...


def wrong_default(number: str = 3) -> None: ...  # type: ignore[assignment]


def unserializable_default(number: Any = object()) -> None: ...  # noqa: B008 - that is the mistake


def field_as_default(number: str = Field(description="the number")) -> None: ...


def any_number(*numbers: str, **more: str) -> None: ...


def without_json_result() -> Coroutine[Any, Any, "Missing"]: ...  # type: ignore[name-defined, empty-body]  # noqa: F821


class Odd:
    pass


def odd_result() -> Odd: ...  # type: ignore[empty-body]


def secret(key: SecretStr) -> None: ...


async def slow() -> None: ...


class AnswersWithFunction(Agent[Callable[[], int]]):
    name = "shop"


def called_ask_user() -> None: ...


async def also_slow(self: Any, run: MigratingRun) -> None: ...


def _to(target: Any, source: str = "1") -> Callable[..., None]:
    """A migration from the first version."""

    def migration(self: Any, run: MigratingRun) -> None: ...

    return migrates(source, target)(migration)


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        (type("Nameless", (Agent,), {}), [Code.AGENT_NAME]),
        (with_options(name="no spaces, please"), [Code.AGENT_NAME]),
        (with_options(name="x" * 101), [Code.AGENT_NAME]),
        (with_options(max_steps=0), [Code.AGENT_OPTION]),
        (with_options(max_steps=True), [Code.AGENT_OPTION]),
        (with_options(max_tokens=0), [Code.AGENT_OPTION]),
        (with_options(budget={"tokens": 5}), [Code.AGENT_OPTION]),
        (with_options(budget=Budget(money="2 EUR")), [Code.AGENT_OPTION]),
        (with_options(timeout=-1), [Code.AGENT_OPTION]),
        (with_options(llm_timeout=None), [Code.AGENT_OPTION]),
        (with_options(llm_timeout=float("inf")), [Code.AGENT_OPTION]),
        (with_options(temperature=3), [Code.AGENT_OPTION]),
        (with_options(instructions=None), [Code.AGENT_OPTION]),
        (with_options(formerly="helpdesk"), [Code.AGENT_OPTION]),
        (with_options(version=2), [Code.AGENT_OPTION]),
        (with_options(metadata={"a": object()}), [Code.AGENT_OPTION]),
        (with_options(on_code_change="stop"), [Code.AGENT_OPTION]),
        (with_options(on=_to("1")), [Code.MIGRATION]),
        (with_options(on=_to(2)), [Code.MIGRATION]),  # type: ignore[arg-type]  # the mistake
        (with_options(a=_to("2"), b=_to("3")), [Code.MIGRATION]),
        (with_options(on=migrates("1", "2")(lambda self: None)), [Code.MIGRATION]),  # type: ignore[arg-type, misc]
        (with_options(on=migrates("1", "2")(also_slow)), [Code.MIGRATION]),
        (with_options(a=_to("2"), b=_to("3", "2")), []),
        (with_options(ask_user="yes"), [Code.AGENT_OPTION]),
        (with_options(llm=""), [Code.AGENT_OPTION]),
        (with_options(tools="refund"), [Code.AGENT_OPTION]),
        (with_options(get_instructions=slow), [Code.AGENT_OPTION]),
        (with_options(__init__=lambda self, shop: None), [Code.AGENT_OPTION]),
        (AnswersWithFunction, [Code.ANSWER_TYPE]),
        (with_options(llm="no such alias"), [Code.UNKNOWN_LLM]),
        (with_tools(3), [Code.NOT_A_TOOL]),
        (with_tools(nothing, tool(name="nothing")(slow)), [Code.DUPLICATE_TOOL]),
        (with_tools(tool(name="ask_user")(nothing)), [Code.TOOL_NAME]),
        (with_tools(tool(name="final_answer")(nothing)), [Code.TOOL_NAME]),
        (with_tools(tool(name="pay back")(nothing)), [Code.TOOL_NAME]),
        (with_options(abstract=True), [Code.ABSTRACT_AGENT]),
        (with_tools(unannotated), [Code.UNANNOTATED]),
        (with_tools(unresolved), [Code.PARAMETER_TYPE]),
        (with_tools(without_schema), [Code.PARAMETER_TYPE]),
        (with_tools(wrong_default), [Code.DEFAULT]),
        (with_tools(unserializable_default), [Code.DEFAULT]),
        (with_tools(field_as_default), [Code.DEFAULT]),
        (with_tools(any_number), [Code.PARAMETER_KIND, Code.PARAMETER_KIND]),
        (with_tools(tool(effect="writes")(nothing)), [Code.TOOL_OPTION]),  # type: ignore[call-overload]
        (with_tools(tool(timeout=0)(nothing)), [Code.TOOL_OPTION]),
        (with_tools(tool(risk="huge")(nothing)), [Code.TOOL_OPTION]),  # type: ignore[call-overload]
        (with_tools(tool(effect="read", retries=-1)(nothing)), [Code.TOOL_OPTION]),
        (with_tools(tool(permission="refund")(nothing)), [Code.TOOL_OPTION]),
        (with_tools(tool(isolation="container")(nothing)), [Code.TOOL_OPTION]),  # type: ignore[call-overload]
        (with_tools(tool(isolation="process")(slow)), [Code.TOOL_OPTION]),
        (with_tools(tool(isolation="process", effect="atomic")(nothing)), [Code.TOOL_OPTION]),
        (with_tools(tool(summary="Pay {amount}")(nothing)), [Code.TOOL_OPTION]),
        (with_tools(tool(summary="Pay {")(nothing)), [Code.TOOL_OPTION]),
        (with_tools(tool(summary="")(nothing)), [Code.TOOL_OPTION]),
        (with_tools(tool(requires_approval="yes")(nothing)), [Code.TOOL_OPTION]),  # type: ignore[call-overload]
        (with_tools(tool(retry=1)(nothing)), [Code.TOOL_OPTION]),  # type: ignore[call-overload]
        (with_tools(tool(retries=1)(nothing)), [Code.EXTERNAL_RETRIES]),
        (with_tools(tool(effect="atomic")(slow)), [Code.ATOMIC_ASYNC]),
        (with_tools(tool(effect="atomic", timeout=15.5)(nothing)), [Code.ATOMIC_TIMEOUT]),
        (with_tools(secret), [Code.SENSITIVE_WITHOUT_KEY]),
        (with_tools(odd_result), [Code.RETURN_TYPE]),
    ],
)
@override_settings(AGENTS_APP={})
def test_one_mistake_one_error(agent: AnyAgent, expected: list[Code]) -> None:
    errors = found(agent)
    assert [error.id for error in errors] == expected
    assert all(error.hint and error.msg for error in errors)
    assert all(str(error.obj).endswith(agent.__qualname__) for error in errors)


def test_what_is_right_has_no_error() -> None:
    right = with_tools(nothing, tool(effect="atomic", timeout=15)(called_ask_user), slow)
    assert ids(right, with_options(name="other", llm="demo"), with_options(name="third", llm="openai:gpt-5-mini")) == []


def test_two_agents_of_one_name() -> None:
    (error,) = found(with_options(), type("Other", (Agent,), {"name": "shop"}))
    assert error.id == Code.DUPLICATE_AGENT
    assert "Shop and " in error.msg
    assert "Other" in error.msg


def test_a_former_name_belongs_to_one_agent_too() -> None:
    other = type("Other", (Agent,), {"name": "other", "formerly": ("shop",)})
    assert ids(with_options(), other) == [Code.DUPLICATE_AGENT]


@override_settings(AGENTS_APP={"LEASE_SECONDS": 6, "ENCRYPTION_KEYS": ["k"], "LLMS": {"fast": "openai:gpt-5-mini"}})
def test_settings_are_read_when_the_check_runs() -> None:
    assert ids(with_tools(secret)) == []
    assert ids(with_options(llm="fast")) == []
    assert ids(with_tools(tool(effect="atomic", timeout=4)(nothing))) == [Code.ATOMIC_TIMEOUT]


@override_settings(AGENTS_APP={})
def test_a_secret_deep_inside_needs_a_key() -> None:
    class Account(BaseModel):
        token: Annotated[str, Sensitive]

    def use(accounts: list[Account]) -> None: ...

    assert ids(with_tools(use)) == [Code.SENSITIVE_WITHOUT_KEY]


# Hooks.


def hooked(**options: Any) -> tuple[AnyAgent, Any]:
    """An agent with one tool, and that tool, to put hooks on."""

    def pay(context: ToolContext, amount: Decimal) -> str:
        return str(amount)

    decorated = tool(**options)(pay)
    return with_tools(decorated), decorated


def test_hooks_that_fit_are_no_error() -> None:
    agent, pay = hooked(effect="idempotent")

    def any_hook(context: ToolContext, amount: Decimal) -> Any: ...

    for kind in (pay.needs_approval, pay.summary, pay.precondition, pay.reconcile):
        kind(_at_the_place_of(pay, any_hook))
    assert ids(agent) == []


def _at_the_place_of(decorated: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    function.__qualname__ = decorated.function.__qualname__.replace("pay", function.__name__)
    return function


@pytest.mark.parametrize(
    ("options", "kind", "expected"),
    [
        ({"requires_approval": True}, "needs_approval", Code.HOOK),
        ({"summary": "Pay {amount}"}, "summary", Code.HOOK),
        ({"effect": "read"}, "reconcile", Code.HOOK),
        ({"effect": "atomic"}, "reconcile", Code.HOOK),
    ],
)
def test_hooks_that_contradict_the_options(options: dict[str, Any], kind: str, expected: Code) -> None:
    agent, pay = hooked(**options)

    def hook(context: ToolContext, amount: Decimal) -> Any: ...

    getattr(pay, kind)(_at_the_place_of(pay, hook))
    assert ids(agent) == [expected]


def test_hooks_of_another_shape() -> None:
    agent, pay = hooked()

    def hook(context: ToolContext, number: str) -> bool: ...  # type: ignore[empty-body]

    pay.precondition(_at_the_place_of(pay, hook))
    assert ids(agent) == [Code.HOOK_SIGNATURE]


def test_asynchronous_hooks() -> None:
    agent, pay = hooked()

    async def hook(context: ToolContext, amount: Decimal) -> bool: ...  # type: ignore[empty-body]

    pay.precondition(_at_the_place_of(pay, hook))
    assert ids(agent) == [Code.HOOK]


def test_two_hooks_of_a_kind() -> None:
    agent, pay = hooked()

    def hook(context: ToolContext, amount: Decimal) -> bool: ...  # type: ignore[empty-body]

    pay.precondition(_at_the_place_of(pay, hook))
    pay.precondition(hook)
    assert ids(agent) == [Code.HOOK]


# Inheritance.


class Base(Agent[str]):
    name = "base"

    @tool
    def pay(self, amount: int) -> int:
        return amount

    @pay.needs_approval
    def pay_needs_approval(self, amount: int) -> bool:
        return True

    @tool(requires_approval=True)
    def send(self, to: str) -> str:
        return to


def test_inheriting_tools_is_fine() -> None:
    class Child(Base):
        name = "child"

    assert ids(Base, Child) == []
    assert list(definition_of(Child).tools) == ["pay", "send"]


def test_overriding_a_tool_drops_its_hooks() -> None:
    class Child(Base):
        name = "child"

        @tool
        def pay(self, amount: int) -> int:
            return -amount

    (error,) = found(Child)
    assert error.id == Code.OVERRIDDEN_TOOL
    assert "needs_approval" in error.msg


def test_overriding_a_tool_drops_its_constant_approval_too() -> None:
    class Child(Base):
        name = "child"

        @tool
        def send(self, to: str) -> str:
            return to

    assert ids(Child) == [Code.OVERRIDDEN_TOOL]


def test_hooks_declared_anew_are_fine() -> None:
    class Child(Base):
        name = "child"

        @tool
        def pay(self, amount: int) -> int:
            return -amount

        @pay.needs_approval
        def pay_needs_approval(self, amount: int) -> bool:
            return False

        @tool(requires_approval=False)
        def send(self, to: str) -> str:
            return to

    assert ids(Child) == []


def test_a_tool_that_is_overridden_by_a_plain_method() -> None:
    class Child(Base):
        name = "child"

        def pay(self, amount: int) -> int:  # type: ignore[override]
            return amount

    assert ids(Child) == [Code.OVERRIDDEN_TOOL]


def test_a_tool_may_be_dropped() -> None:
    class Child(Base):
        name = "child"
        pay = None  # type: ignore[assignment]

    assert ids(Child) == []
    assert list(definition_of(Child).tools) == ["send"]


def test_a_hook_on_an_inherited_tool_would_change_the_base() -> None:
    class Parent(Agent[str]):
        name = "parent"

        @tool
        def pay(self, amount: int) -> int:
            return amount

    class Child(Parent):
        name = "child"

        @Parent.pay.precondition
        def pay_precondition(self, amount: int) -> bool:
            return False

    assert ids(Child) == [Code.INHERITED_TOOL]
    with pytest.raises(BrokenAgent, match="pay"):
        definition_of(Child)


def test_a_hook_with_the_name_of_its_tool_takes_its_place() -> None:
    class Shop(Agent[str]):
        name = "shop"

        @tool
        def pay(self, amount: int) -> int:
            return amount

        @pay.precondition  # type: ignore[no-redef]
        def pay(self, amount: int) -> bool:
            return True

    assert ids(Shop) == [Code.HOOK]


def test_static_methods_are_no_tools() -> None:
    class Shop(Agent[str]):
        name = "shop"

        @staticmethod
        @tool
        def pay(amount: int) -> int:
            return amount

    assert ids(Shop) == [Code.NOT_A_TOOL]


def test_tools_around_a_static_method_are_none() -> None:
    class Shop(Agent[str]):
        name = "shop"

        @tool
        @staticmethod
        def pay(amount: int) -> int:
            return amount

    assert ids(Shop) == [Code.NOT_A_TOOL]


def test_a_toolset_that_needs_arguments_is_put_in_as_an_instance() -> None:
    class Mail(Toolset):
        def __init__(self, sender: str) -> None:
            self.sender = sender

        @tool
        def send(self, to: str) -> str:
            return self.sender + to

    assert ids(with_tools(Mail)) == [Code.NOT_A_TOOL]
    assert ids(with_tools(Mail("me"))) == []


def test_knowledge_needs_its_app(settings: Any) -> None:
    with_it = with_options(knowledge=Knowledge("handbook"))
    assert agent_problems(with_it) == []
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "agents_app.knowledge"]
    (problem,) = agent_problems(with_it)
    assert problem.code is Code.NO_KNOWLEDGE
    assert "INSTALLED_APPS" in problem.hint
