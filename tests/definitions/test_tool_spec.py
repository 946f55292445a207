"""What a tool resolves to: its facts, its arguments, its calls."""

import asyncio
import math
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

import pytest
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, SecretStr, field_validator

from agents_app import Agent, Money, Ref, Sensitive, ToolContext, happened, not_happened, tool, tool_context
from agents_app.definitions.registry import definition_of, registry
from agents_app.definitions.tool_spec import ToolSpec
from agents_app.exceptions import InvalidArguments

with registry.override():
    from tests.typing.agents import SupportAgent


def spec_of(function: Callable[..., Any], **options: Any) -> ToolSpec:
    agent = type("Shop", (Agent,), {"name": "shop", "tools": [tool(**options)(function)]})
    (spec,) = definition_of(agent).tools.values()
    return spec


@pytest.fixture
def refund() -> ToolSpec:
    return definition_of(SupportAgent).tools["refund"]


def test_the_facts(refund: ToolSpec) -> None:
    assert (refund.name, refund.description) == ("refund", "Pay `amount` of an order back to the customer.")
    assert (refund.effect, refund.timeout, refund.retries) == ("atomic", 4.0, 2)
    assert (refund.permission, refund.requires_approval) == ("shop.refund_order", False)
    assert (refund.isolation, refund.is_async, refund.sensitive) == ("thread", False, frozenset())
    assert (refund.risk, spec_of(lambda: None, name="x", risk="high").risk) == ("medium", "high")
    assert refund.markers == {"number": (Ref("shop.Order", "number"),), "amount": (Money("EUR"),)}
    assert refund.has_needs_approval
    assert not any((refund.has_summary, refund.has_precondition, refund.has_reconcile))
    assert refund.parameters["required"] == ["number", "amount"]
    assert refund.parameters["additionalProperties"] is False
    assert set(refund.parameters["properties"]) == {"number", "amount"}


@pytest.mark.parametrize(
    ("effect", "timeout", "retries"), [("read", 60, 2), ("idempotent", 60, 2), ("atomic", 5, 2), ("external", 60, 0)]
)
def test_the_defaults_follow_from_the_effect(effect: str, timeout: float, retries: int) -> None:
    spec = spec_of(lambda: None, effect=effect, name="nothing")
    assert (spec.effect, spec.timeout, spec.retries) == (effect, timeout, retries)


def test_the_schema_hash_covers_schema_and_effect() -> None:
    def one(number: int) -> None: ...

    def two(number: int, more: int = 1) -> None: ...

    hashes = [spec_of(one), spec_of(one, effect="read"), spec_of(two), spec_of(one, timeout=3)]
    assert len({spec.schema_hash for spec in hashes}) == 3
    assert hashes[0].schema_hash == hashes[3].schema_hash


# Arguments.


class Colour(Enum):
    RED = "red"


class Line(BaseModel):
    price: Decimal
    colours: set[Colour] = set()


DEFAULT_SECRET = SecretStr("s")


def everything(
    count: int,
    ratio: float,
    line: Line,
    day: date,
    at: datetime,
    names: list[str],
    table: dict[int, Decimal],
    note: str | None = None,
    colour: Colour = Colour.RED,
    secret: SecretStr = DEFAULT_SECRET,
) -> list[Any]:
    return [count, ratio, line, day, at, names, table, note, colour, secret]


EVERYTHING = {
    "count": 3,
    "ratio": 2.0,
    "line": {"price": "1.50", "colours": ["red"]},
    "day": "2026-01-02",
    "at": "2026-01-02T03:04:05Z",
    "names": ["b", "a"],
    "table": {"2": 0.1},
}


def test_arguments_of_every_kind_come_back_equal() -> None:
    spec = spec_of(everything)
    arguments = spec.validate(EVERYTHING)
    text = spec.text(arguments)
    assert text == (
        '{"at":"2026-01-02T03:04:05+00:00","colour":"red","count":3,"day":"2026-01-02",'
        '"line":{"colours":["red"],"price":"1.5"},"names":["b","a"],"note":null,"ratio":2,"secret":"s",'
        '"table":{"2":"0.1"}}'
    )
    assert spec.parse(text) == arguments
    line = Line(price=Decimal("1.50"), colours={Colour.RED})
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    values = [3, 2.0, line, date(2026, 1, 2), at, ["b", "a"], {2: Decimal("0.1")}, None, Colour.RED, DEFAULT_SECRET]
    assert spec.call(tool_context(), spec.parse(text)) == values


@given(st.decimals(min_value=Decimal("0.0001"), max_value=10**15, allow_nan=False), st.text())
def test_texts_always_come_back(amount: Decimal, number: str) -> None:
    spec = definition_of(SupportAgent).tools["refund"]
    arguments = spec.validate({"number": number, "amount": str(amount)})
    assert spec.parse(spec.text(arguments)) == arguments


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({"number": "A-1", "amount": 0}, ["amount"]),
        ({"number": "A-1", "amount": "many"}, ["amount"]),
        ({"number": "A-1"}, ["amount"]),
        ({"number": 3, "amount": 1}, ["number"]),
        ({"number": "A-1", "amount": 1, "context": {}}, ["context"]),
        ({"number": "A-1", "amount": 1, "note": "x"}, ["note"]),
        ({"number": "A-1", "amount": math.nan}, ["amount"]),
        ({"number": "A-1", "amount": "1E+9999999"}, []),
        ({"number": "A-1", "amount": object()}, []),
        (["A-1", 1], []),
        ("{}", []),
        (None, []),
    ],
)
def test_wrong_arguments(refund: ToolSpec, arguments: Any, path: list[str]) -> None:
    with pytest.raises(InvalidArguments) as error:
        refund.validate(arguments)
    assert [found["path"] for found in error.value.errors] == [path]
    assert all(found["message"] for found in error.value.errors)
    assert ".".join(path) in error.value.message


KINDS: list[tuple[Any, Any]] = [
    *((int, value) for value in ("x", 1.5, {})),
    *((float, value) for value in ("x", {})),
    *((Decimal, value) for value in ("x", {}, "NaN")),
    *((bool, value) for value in ("x", {})),
    *((date, value) for value in ("x", {}, "2026-01-01T10:00:00")),
    *((datetime, value) for value in ("x", {})),
    *((UUID, value) for value in ("x", 3)),
    (None, 3),
    (Annotated[int, Field(lt=3)], 5),
    (Annotated[int, Field(multiple_of=3)], 5),
    (Annotated[str, Field(pattern="a+")], "b"),
    (Annotated[list[int], Field(min_length=2)], [1]),
    *((Annotated[Decimal, Field(max_digits=4, decimal_places=2)], value) for value in ("1.234", "12345", "123.1")),
]


@pytest.mark.parametrize(("kind", "value"), KINDS, ids=str)
def test_people_read_in_their_language_what_is_wrong_with_arguments(kind: Any, value: Any) -> None:
    def one(what: Any) -> None: ...

    one.__annotations__["what"] = kind
    spec = spec_of(one)
    with pytest.raises(InvalidArguments) as english:
        spec.validate({"what": value})
    with override("de"), pytest.raises(InvalidArguments) as german:
        spec.validate({"what": value})
    ((told, said),) = zip(english.value.errors, german.value.errors, strict=True)
    assert told["path"] == said["path"] == ["what"]
    assert told["message"].isascii()
    assert said["message"] != told["message"]
    assert "%" not in said["message"] + told["message"]


def test_endless_nesting_is_refused() -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]

    def take(value: Any) -> None: ...

    with pytest.raises(InvalidArguments):
        spec_of(take).validate({"value": nested})


def test_what_would_not_come_back_equal_is_refused() -> None:
    class Odd(BaseModel):
        number: int

        @field_validator("number")
        @classmethod
        def add_one(cls, value: int) -> int:
            return value + 1

    def take(odd: Odd) -> None: ...

    with pytest.raises(InvalidArguments, match="exactly"):
        spec_of(take).validate({"odd": {"number": 1}})


def test_a_validator_that_breaks_is_an_invalid_argument() -> None:
    class Odd(BaseModel):
        number: int

        @field_validator("number")
        @classmethod
        def look_up(cls, value: int) -> int:
            raise KeyError(value)

    def take(odd: Odd) -> None: ...

    with pytest.raises(InvalidArguments, match="KeyError"):
        spec_of(take).validate({"odd": {"number": 1}})


def test_strings_are_cleaned(refund: ToolSpec) -> None:
    arguments = refund.validate({"number": "A\x00\ud800", "amount": 1})
    assert refund.text(arguments) == '{"amount":"1","number":"A��"}'


def test_a_stored_text_that_no_longer_fits(refund: ToolSpec) -> None:
    with pytest.raises(InvalidArguments):
        refund.parse('{"number":"A-1"}')


def test_names_that_pydantic_keeps_for_itself() -> None:
    def take(json: str, _private: int, model_config: str, copy: bool = True) -> str:
        return f"{json} {_private} {model_config} {copy}"

    spec = spec_of(take)
    arguments = spec.validate({"json": "a", "_private": 1, "model_config": "b"})
    assert set(spec.parameters["properties"]) == {"json", "_private", "model_config", "copy"}
    assert spec.text(arguments) == '{"_private":1,"copy":true,"json":"a","model_config":"b"}'
    assert spec.call(tool_context(), arguments) == "a 1 b True"
    with pytest.raises(InvalidArguments) as error:
        spec.validate({"json": 1, "_private": 1, "model_config": "b"})
    assert error.value.errors[0]["path"] == ["json"]


def test_defaults_are_of_the_annotated_type_and_not_shared() -> None:
    def take(amount: Decimal = 3, names: list[str] = []) -> Any:  # type: ignore[assignment]  # noqa: B006 - to test it
        names.append("x")
        return amount, names

    spec = spec_of(take)
    for _ in range(2):
        assert spec.call(tool_context(), spec.validate({})) == (Decimal(3), ["x"])
    assert spec.text(spec.validate({})) == '{"amount":"3","names":[]}'


# Secrets.


class Account(BaseModel):
    user: str
    token: Annotated[str, Sensitive]


def log_in(account: Account, pin: SecretStr, where: str = "here") -> str:
    return f"{account.token}{pin.get_secret_value()}"


LOGIN = {"account": {"user": "me", "token": "t-77"}, "pin": "4711"}


def test_sensitive_parameters_are_masked_as_a_whole() -> None:
    spec = spec_of(log_in)
    arguments = spec.validate(LOGIN)
    assert spec.sensitive == {"account", "pin"}
    assert spec.text(arguments) == '{"account":{"token":"t-77","user":"me"},"pin":"4711","where":"here"}'
    assert spec.masked(spec.text(arguments)) == '{"account":"***","pin":"***","where":"here"}'
    assert spec.call(tool_context(), spec.parse(spec.text(arguments))) == "t-774711"


def test_summaries_do_not_tell_secrets() -> None:
    spec = spec_of(log_in)
    assert spec.summary(tool_context(), spec.validate(LOGIN)) == 'log_in(account=***, pin=***, where="here")'
    template = spec_of(log_in, summary="Log in {account} with {pin} from {where}")
    assert template.summary(tool_context(), template.validate(LOGIN)) == "Log in *** with *** from here"

    decorated = tool(log_in)

    @decorated.summary
    def log_in_summary(account: Account, pin: SecretStr, where: str = "here") -> str:
        return f"{account.token} and {pin.get_secret_value()}"

    (hooked,) = definition_of(type("A", (Agent,), {"name": "a", "tools": [decorated]})).tools.values()
    assert hooked.summary(tool_context(), hooked.validate(LOGIN)) == "*** and ***"


def test_errors_do_not_tell_secrets() -> None:
    def take(pin: Annotated[str, Sensitive(), Field(pattern="^x4711$")]) -> None: ...

    with pytest.raises(InvalidArguments) as error:
        spec_of(take).validate({"pin": "4711"})
    assert "4711" not in f"{error.value.message}{error.value.errors}"


def test_a_secret_default_is_not_told_to_the_llm() -> None:
    assert "default" not in spec_of(everything).parameters["properties"]["secret"]


# Calls and hooks.


class Bank(Agent[str]):
    name = "bank"

    @tool(effect="idempotent")
    def pay(self, amount: int, context: ToolContext) -> int:
        return amount

    @pay.needs_approval
    def pay_needs_approval(self, amount: int, context: ToolContext) -> Any:
        return {1: False, 2: True, 3: "because", 4: None, 5: ""}[amount]

    @pay.precondition
    def pay_precondition(self, amount: int, context: ToolContext) -> Any:
        return {1: True, 2: False, 3: "closed", 4: None, 5: 1}[amount]

    @pay.summary
    def pay_summary(self, amount: int, context: ToolContext) -> str:
        return f"{context.user}:\n" + "x" * amount * 1000

    @pay.reconcile
    def pay_reconcile(self, amount: int, context: ToolContext) -> Any:
        return {1: happened(7), 2: not_happened, 3: None, 4: True, 5: happened}[amount]


class Careful(Bank):
    name = "careful"

    def pay_needs_approval(self, amount: int, context: ToolContext) -> str:
        return "always"


def answers(hook: Callable[[ToolContext, BaseModel], Any]) -> list[Any]:
    validate = definition_of(Bank).tools["pay"].validate
    return [hook(tool_context(), validate({"amount": amount})) for amount in range(1, 6)]


def test_anything_but_false_asks() -> None:
    assert answers(definition_of(Bank).tools["pay"].needs_approval) == [False, True, "because", True, True]


def test_anything_but_true_refuses() -> None:
    first, *others = answers(definition_of(Bank).tools["pay"].precondition)
    assert first is True
    assert others[1] == "closed"
    assert all(isinstance(other, str) and other for other in others)


def test_reconcile_says_nothing_it_does_not_know() -> None:
    assert answers(definition_of(Bank).tools["pay"].reconcile) == [happened(7), not_happened, None, None, None]


def test_a_hook_method_can_be_overridden_like_any_method() -> None:
    assert answers(definition_of(Careful).tools["pay"].needs_approval) == ["always"] * 5


def test_a_long_summary_is_cut_to_one_line() -> None:
    spec = definition_of(Bank).tools["pay"]
    line = spec.summary(tool_context(user="ann"), spec.validate({"amount": 1}))
    assert line.startswith("ann: xxx")
    assert len(line) == 500


def test_without_hooks() -> None:
    def pay(amount: Decimal, to: str) -> None: ...

    spec = spec_of(pay)
    arguments = spec.validate({"amount": 1.5, "to": "me"})
    assert spec.needs_approval(tool_context(), arguments) is False
    assert spec_of(pay, requires_approval=True).needs_approval(tool_context(), arguments) is True
    assert spec.precondition(tool_context(), arguments) is True
    assert spec.reconcile(tool_context(), arguments) is None
    assert spec.summary(tool_context(), arguments) == 'pay(amount=1.5, to="me")'


def test_a_summary_template_that_does_not_go_with_the_values() -> None:
    def pay(amount: Decimal | None = None) -> None: ...

    spec = spec_of(pay, summary="Pay {amount:.2f} EUR")
    assert spec.summary(tool_context(), spec.validate({"amount": 5})) == "Pay 5.00 EUR"
    assert spec.summary(tool_context(), spec.validate({})) == "pay(amount=null)"


def test_amounts_in_a_summary_have_their_cents() -> None:
    def pay(
        amount: Annotated[Decimal, Money("EUR")], tip: Annotated[float, Money("EUR")] = 0, rate: float = 0
    ) -> None: ...

    spec = spec_of(pay, summary="Pay {amount} EUR, {tip} on top, at {rate}")
    arguments = spec.validate({"amount": "62.5", "tip": 1.5, "rate": 0.5})
    assert spec.summary(tool_context(), arguments) == "Pay 62.50 EUR, 1.50 on top, at 0.5"
    assert spec.summary(tool_context(), spec.validate({"amount": 120})) == "Pay 120 EUR, 0.0 on top, at 0.0"
    assert spec_of(pay).summary(tool_context(), arguments) == "pay(amount=62.5, tip=1.5, rate=0.5)", (
        "the call as stored"
    )


def test_asynchronous_tools() -> None:
    async def look(context: ToolContext | None = None) -> Any:
        return context

    spec = spec_of(look)
    context = tool_context()
    assert spec.is_async
    assert spec.parameters["properties"] == {}
    assert asyncio.run(spec.call(context, spec.validate({}))) is context


# Results.


class Receipt(BaseModel):
    number: str
    paid: Decimal


def test_what_fields_a_result_has() -> None:
    def one() -> Receipt: ...  # type: ignore[empty-body]
    def text() -> str: ...  # type: ignore[empty-body]
    def several() -> list[Receipt]: ...  # type: ignore[empty-body]
    def nobody_knows() -> Any: ...

    assert spec_of(one).result_fields() == ("number", "paid")
    assert [spec_of(each).result_fields() for each in (text, several, nobody_knows)] == [(), (), ()]


def test_results_follow_the_return_annotation() -> None:
    def lines() -> list[Line]: ...  # type: ignore[empty-body]

    spec = spec_of(lines)
    assert spec.dump_result([Line(price=Decimal("1.5"))]) == [{"price": "1.5", "colours": []}]
    # A tool that returned has succeeded: another type than promised is told as it is.
    assert spec.dump_result({"at": date(2026, 1, 2)}) == {"at": "2026-01-02"}
    assert spec.dump_result([math.nan, {"a": math.inf}]) == [None, {"a": None}]


@pytest.mark.parametrize("value", [object(), {"a": object()}, lambda: None])
def test_results_that_are_no_json(value: Any) -> None:
    def anything() -> Any: ...

    with pytest.raises(ValueError, match="JSON"):
        spec_of(anything).dump_result(value)
