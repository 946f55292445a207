"""Typed conditions: exact, and in doubt neither true nor false."""

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from agents_app.core.canonical import canonical_text
from agents_app.core.conditions import (
    Condition,
    Operator,
    conditions_of,
    holds,
    problems,
    stored_conditions,
)
from agents_app.exceptions import InvalidInput


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Line(BaseModel):
    price: Decimal
    gift: bool | None = None


class Customer(BaseModel):
    country: str
    since: date | None = None


class Arguments(BaseModel):
    amount: Decimal = Decimal(0)
    limit: Decimal | None = None
    number: str = "0042"
    count: int | Literal["all"] = 0
    urgent: bool = False
    color: Color = Color.RED
    customer: Customer | None = None
    lines: list[Line] = []
    at: datetime | None = None
    hour: time | None = None
    key: UUID | None = None
    anything: Any = None


SCHEMA = Arguments.model_json_schema()
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = UUID("6f9619ff-8b86-d011-b42d-00c04fc964ff")


def held(arguments: Arguments, path: str, operator: str, value: Any = None, items: Any = None) -> bool | None:
    """What becomes of one condition, by way of the text in which arguments are stored."""
    condition = Condition(path=path, operator=Operator(operator), value=value, items=items)
    (again,) = conditions_of(json.loads(json.dumps(stored_conditions([condition]))))
    assert again == condition
    return holds([again], json.loads(canonical_text(arguments)), SCHEMA).held


@pytest.mark.parametrize(
    ("given", "path", "operator", "value", "expected"),
    [
        ({"amount": Decimal("50.00")}, "amount", "equals", 50, True),
        ({"amount": Decimal("50.00")}, "amount", "equals", "50.0", True),
        ({"amount": Decimal("50.01")}, "amount", "more_than", Decimal(50), True),
        ({"amount": Decimal(50)}, "amount", "more_than", 50, False),
        ({"amount": Decimal(50)}, "amount", "at_least", 50, True),
        ({"amount": Decimal("0.30")}, "amount", "at_most", 0.3, True),
        ({"amount": Decimal("9007199254740993")}, "amount", "more_than", 9007199254740992, True),
        ({"amount": Decimal(9)}, "amount", "less_than", 10, True),  # as numbers, not as texts
        ({"amount": Decimal(10)}, "amount", "between", [10, 20], True),
        ({"amount": Decimal("20.01")}, "amount", "between", [10, 20], False),
        ({"amount": Decimal(7)}, "amount", "one_of", [5, "7.0"], True),
        ({"amount": Decimal(7)}, "amount", "none_of", [5, 7], False),
        ({"number": "0042"}, "number", "equals", "42", False),  # a text is the whole text
        ({"number": "0042"}, "number", "equals", "0042", True),
        ({"number": "a"}, "number", "not_equals", "A", True),
        ({"urgent": True}, "urgent", "equals", True, True),
        ({"urgent": True}, "urgent", "equals", False, False),
        ({"color": Color.BLUE}, "color", "one_of", [Color.BLUE], True),
        ({"customer": Customer(country="DE")}, "customer.country", "none_of", ["DE", "AT"], False),
        ({"customer": Customer(country="US")}, "customer.country", "none_of", ["DE", "AT"], True),
        ({"customer": Customer(country="", since=date(2026, 1, 9))}, "customer.since", "less_than", NOON.date(), True),
        ({"at": NOON}, "at", "at_least", "2026-03-01T13:00:00+01:00", True),
        ({"at": NOON}, "at", "equals", datetime(2026, 3, 1, 12, tzinfo=UTC), True),
        ({"hour": time(9)}, "hour", "between", [time(8), time(10, 30)], True),
        ({"key": KEY}, "key", "equals", str(KEY).upper(), True),
        ({"anything": 5}, "anything", "more_than", 4, True),
        ({"anything": {"deep": ["x"]}}, "anything.deep[0]", "equals", "x", True),
        ({"anything": "5"}, "anything", "equals", 5, False),
        ({"count": "all"}, "count", "equals", 5, False),
        ({}, "customer", "is_set", None, False),
        ({}, "customer.country", "is_not_set", None, True),
        ({"customer": Customer(country="")}, "customer.country", "is_set", None, True),
        ({}, "customer.country", "equals", "DE", False),
        ({}, "customer.country", "none_of", ["DE"], True),
    ],
)
def test_a_condition_compares_what_the_schema_says(
    given: dict[str, Any], path: str, operator: str, value: Any, expected: bool
) -> None:
    assert held(Arguments(**given), path, operator, value) is expected


@pytest.mark.parametrize(
    ("given", "path", "operator", "value"),
    [
        ({}, "limit", "more_than", 5),  # not set
        ({}, "amont", "equals", 5),  # no such field
        ({}, "amont", "is_set", None),
        ({}, "number", "more_than", "0041"),  # texts have no order
        ({"count": "all"}, "count", "more_than", 5),
        ({}, "amount", "more_than", "much"),
        ({}, "amount", "equals", "much"),
        ({}, "urgent", "equals", "yes"),
        ({"at": NOON}, "at", "more_than", "2026-03-01T13:00:00"),  # without an offset
        ({"at": NOON}, "at", "equals", "2026-03-01T12:00:00"),
        ({"hour": time(9, tzinfo=UTC)}, "hour", "less_than", "10:00"),
        ({"anything": []}, "anything", "less_than", 5),
        ({}, "lines", "equals", "x"),
    ],
)
def test_what_makes_no_sense_is_neither_true_nor_false(
    given: dict[str, Any], path: str, operator: str, value: Any
) -> None:
    assert held(Arguments(**given), path, operator, value) is None


@pytest.mark.parametrize(
    ("prices", "any_over", "all_over"),
    [([], False, True), ([5, 200], True, False), ([150, 200], True, True), ([5], False, False)],
    ids=str,
)
def test_items_are_asked_one_by_one(prices: list[int], any_over: bool, all_over: bool) -> None:
    arguments = Arguments(lines=[Line(price=Decimal(price)) for price in prices])
    assert held(arguments, "lines[*].price", "more_than", 100, items="any") is any_over
    assert held(arguments, "lines[*].price", "more_than", 100, items="all") is all_over


def test_an_item_in_doubt_hides_behind_none_that_does_not_decide() -> None:
    mixed: dict[str, Any] = {"anything": [1, "x", 3]}
    assert held(Arguments(**mixed), "anything[*]", "more_than", 2, items="any") is True
    assert held(Arguments(**mixed), "anything[*]", "more_than", 5, items="any") is None
    assert held(Arguments(**mixed), "anything[*]", "more_than", 2, items="all") is False
    assert held(Arguments(**mixed), "anything[*]", "more_than", 0, items="all") is None


def test_all_must_hold_and_one_that_is_false_decides_beside_doubt() -> None:
    big = Condition(path="amount", operator=Operator.MORE_THAN, value=100)
    gone = Condition(path="gone", operator=Operator.EQUALS, value=1)
    country = Condition(path="customer.country", operator=Operator.EQUALS, value="DE")
    small, large = {"amount": "5", "customer": {"country": "DE"}}, {"amount": "500", "customer": {"country": "DE"}}
    assert holds([], small, SCHEMA).held is True
    assert holds([big, country], large, SCHEMA).held is True
    assert holds([big, country], small, SCHEMA).held is False
    assert holds([gone, big], small, SCHEMA).held is False
    found = holds([gone, big], large, SCHEMA)
    assert found.held is None
    assert found.reason == "“gone is 1” cannot be told: the tool has no field gone."
    assert holds([big, country], large, SCHEMA).reason == "amount is more than 100 and customer.country is DE"


def test_no_reason_tells_a_value_of_the_arguments_nor_what_a_sensitive_one_is_compared_with() -> None:
    arguments = {"number": "4111-1111", "amount": "77777"}
    secret = Condition(path="number", operator=Operator.ONE_OF, value=["4111-1111", "4222"])
    doubt = Condition(path="number", operator=Operator.MORE_THAN, value="4222")
    found = [holds([each], arguments, SCHEMA, sensitive={"number"}) for each in (secret, doubt)]
    assert [each.held for each in found] == [True, None]
    assert all("41" not in each.reason and "42" not in each.reason and "***" in each.reason for each in found)
    other = Condition(path="amount", operator=Operator.EQUALS, value="x")
    assert "77777" not in holds([other], arguments, SCHEMA).reason


@pytest.mark.parametrize(
    ("stored", "field"),
    [
        ({"path": "a b", "operator": "equals", "value": 1}, "path"),
        ({"path": "a", "operator": "matches", "value": ".*"}, "operator"),
        ({"path": "a", "operator": "equals", "value": {"b": 1}}, "value"),
        ({"path": "a", "operator": "equals", "value": float("nan")}, "value"),
        ({"path": "a", "operator": "equals", "value": "x" * 2001}, "value"),
        ({"path": "a", "operator": "one_of", "value": list(range(501))}, "value"),
        ({"path": "a", "operator": "equals"}, ""),
        ({"path": "a", "operator": "equals", "value": [1]}, ""),
        ({"path": "a", "operator": "one_of", "value": 1}, ""),
        ({"path": "a", "operator": "one_of", "value": []}, ""),
        ({"path": "a", "operator": "between", "value": [1]}, ""),
        ({"path": "a", "operator": "is_set", "value": 1}, ""),
        ({"path": "a[*]", "operator": "equals", "value": 1}, ""),
        ({"path": "a", "operator": "equals", "value": 1, "items": "any"}, ""),
        ({"path": "a", "operator": "equals", "value": 1, "pattern": ".*"}, "pattern"),
        ("text", ""),
    ],
    ids=[str(number) for number in range(16)],
)
def test_what_is_no_condition_says_which_and_where(stored: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        conditions_of([{"path": "a", "operator": "is_set"}, stored])
    (problem,) = caught.value.details["problems"]
    assert (problem.index, problem.field) == (1, field)
    assert caught.value.message.startswith("Condition 2: ")


def test_there_are_not_endlessly_many() -> None:
    with pytest.raises(InvalidInput, match="at most 50"):
        conditions_of([{"path": "a", "operator": "is_set"}] * 51)
    with pytest.raises(InvalidInput):
        conditions_of({"path": "a"})


@pytest.mark.parametrize(
    ("path", "operator", "value", "field", "message"),
    [
        ("amont", "equals", 1, "path", "no field amont"),
        ("number", "more_than", "1", "operator", "cannot be asked of a text"),
        ("lines", "equals", "1", "operator", "Write [*] behind it"),
        ("amount", "equals", "much", "value", "much is no number"),
        ("amount", "between", [1, "much"], "value", "much is no number"),
        ("customer.since", "less_than", "yesterday", "value", "like 2026-01-31"),
        ("color", "one_of", ["red", "green"], "value", "green is none of the values that color can have: red, blue"),
        ("urgent", "equals", "yes", "value", "yes is no boolean"),
    ],
)
def test_a_condition_that_does_not_fit_the_tool_says_so(
    path: str, operator: str, value: Any, field: str, message: str
) -> None:
    (problem,) = problems([Condition(path=path, operator=Operator(operator), value=value)], SCHEMA)
    assert (problem.index, problem.field) == (0, field)
    assert message in problem.message


def test_conditions_that_fit_have_no_problems() -> None:
    fitting = [
        Condition(path="amount", operator=Operator.BETWEEN, value=["1", 2.5]),
        Condition(path="color", operator=Operator.EQUALS, value="red"),
        Condition(path="lines[*].price", operator=Operator.AT_MOST, value=1, items="all"),
        Condition(path="anything", operator=Operator.EQUALS, value="x"),
        Condition(path="lines", operator=Operator.IS_SET),
    ]
    assert problems(fitting, SCHEMA) == []


@given(
    one=st.decimals(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12),
    other=st.decimals(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12),
)
def test_numbers_are_compared_exactly(one: Decimal, other: Decimal) -> None:
    arguments = Arguments(amount=one)
    assert held(arguments, "amount", "more_than", other) is (one > other)
    assert held(arguments, "amount", "at_most", other) is (one <= other)
    assert held(arguments, "amount", "equals", other) is (one == other)
    assert held(arguments, "amount", "not_equals", other) is (one != other)


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=8,
    ),
    operator=st.sampled_from(sorted({*Operator} - {Operator.BETWEEN})),
    wanted=st.booleans() | st.integers() | st.text(alphabet="abc0123", max_size=5),
)
def test_nothing_that_an_llm_may_send_breaks_a_condition(value: Any, operator: Operator, wanted: Any) -> None:
    if operator in (Operator.IS_SET, Operator.IS_NOT_SET):
        wanted = None
    elif operator in (Operator.ONE_OF, Operator.NONE_OF):
        wanted = [wanted]
    for path, items in (("anything", None), ("anything.a[0]", None), ("anything[*].b", "any"), ("amount", None)):
        condition = Condition(path=path, operator=operator, value=wanted, items=items)  # type: ignore[arg-type]
        found = holds([condition], {"anything": value, "amount": value}, SCHEMA)
        assert found.held in (True, False, None)
        assert found.reason
