"""Paths into arguments, and what a schema says of them."""

from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel

from agents_app.core.json_paths import EACH, Field, Kind, Place, fields_of, has_each, parse_path, place_at, values_at


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


class Line(BaseModel):
    price: Decimal
    article: str
    parts: "list[Line]" = []


class Arguments(BaseModel):
    amount: Decimal
    limit: Decimal | None = None
    count: int | str = 0
    size: Size = Size.SMALL
    speed: Literal["slow", "fast"] | None = None
    urgent: bool = False
    day: date
    moment: datetime
    hour: time
    key: UUID
    lines: list[Line]
    prices: dict[str, Decimal]
    pair: tuple[int, str]
    anything: Any = None


SCHEMA = Arguments.model_json_schema()


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("amount", ("amount",)),
        ("customer.country", ("customer", "country")),
        ("lines[*].price", ("lines", EACH, "price")),
        ("lines[12]", ("lines", 12)),
        ('["a.b"]["c"].d-e', ("a.b", "c", "d-e")),
        ("straße", ("straße",)),
    ],
)
def test_a_path_has_steps(text: str, steps: tuple[Any, ...]) -> None:
    assert parse_path(text) == steps
    assert has_each(text) is (EACH in steps)


@pytest.mark.parametrize(
    "text", ["", ".", "a.", "a..b", "a b", "[0]", "a[", "a[-1]", "a[1", "a[**]", 'a["]', "$.a", "a\n", "x" * 201]
)
def test_what_is_no_path_says_how_one_is_written(text: str) -> None:
    with pytest.raises(ValueError, match="path"):
        parse_path(text)


def test_values_are_found_and_what_is_not_there_is_not_set() -> None:
    value = {"a": {"b": 1}, "l": [{"p": 1}, {"p": 2}, {}, 7], "d": {"x": 1, "y": 2}}

    def found(path: str) -> list[Any]:
        return list(values_at(value, parse_path(path)))

    assert found("a.b") == [1]
    assert found("a.c") == found("a.b.c") == found("x.y") == found("l[9]") == found("a[0]") == [None]
    assert found("l[1].p") == [2]
    assert found("l[*].p") == [1, 2, None, None]
    assert found("d[*]") == [1, 2]
    assert found("a.b[*]") == []


@pytest.mark.parametrize(
    ("path", "kinds", "nullable"),
    [
        ("amount", {Kind.NUMBER}, False),
        ("limit", {Kind.NUMBER}, True),
        ("count", {Kind.NUMBER, Kind.TEXT}, False),
        ("urgent", {Kind.BOOLEAN}, False),
        ("day", {Kind.DATE}, False),
        ("moment", {Kind.MOMENT}, False),
        ("hour", {Kind.TIME}, False),
        ("key", {Kind.UUID}, False),
        ("lines", {Kind.LIST}, False),
        ("lines[*]", {Kind.OBJECT}, False),
        ("lines[*].price", {Kind.NUMBER}, False),
        ("lines[3].parts[*].parts[*].article", {Kind.TEXT}, False),
        ("prices.apple", {Kind.NUMBER}, False),
        ("prices[*]", {Kind.NUMBER}, False),
        ("pair[0]", {Kind.NUMBER}, False),
        ("pair[1]", {Kind.TEXT}, False),
        ("pair[*]", {Kind.NUMBER, Kind.TEXT}, False),
        ("anything.at.all[3]", {Kind.ANY}, False),
    ],
)
def test_a_schema_says_what_stands_at_a_path(path: str, kinds: set[Kind], nullable: bool) -> None:
    place = place_at(SCHEMA, parse_path(path))
    assert place is not None
    assert (place.kinds, place.nullable) == (kinds, nullable)


@pytest.mark.parametrize("path", ["amont", "amount.cents", "lines.price", "lines[*].prise", "pair[2]", "amount[*]"])
def test_a_field_that_is_not_there_is_none(path: str) -> None:
    assert place_at(SCHEMA, parse_path(path)) is None


def test_few_values_are_choices() -> None:
    def choices(path: str) -> Any:
        place = place_at(SCHEMA, parse_path(path))
        return place and place.choices

    assert choices("size") == ("s", "l")
    assert choices("speed") == ("slow", "fast")
    assert choices("urgent") == (True, False)
    assert choices("amount") == ()


def test_the_fields_to_choose_from_end_though_the_schema_does_not() -> None:
    found = [field.path for field in fields_of(SCHEMA)]
    assert found[:4] == ["amount", "limit", "count", "size"]
    assert {"lines[*]", "lines[*].price", "lines[*].parts[*].article"} <= set(found)
    assert len(found) == len(set(found)) <= 200
    assert all(place_at(SCHEMA, parse_path(path)) is not None for path in found)


def test_a_field_has_its_description_and_odd_names_are_quoted() -> None:
    schema = {"type": "object", "properties": {"a.b": {"type": "integer", "description": "How many."}}}
    place = Place(kinds=frozenset({Kind.NUMBER}))
    assert fields_of(schema) == [Field(path='["a.b"]', place=place, description="How many.")]


def test_a_schema_that_refers_to_itself_alone_is_nothing() -> None:
    schema = {"$defs": {"A": {"$ref": "#/$defs/A"}}, "properties": {"a": {"$ref": "#/$defs/A"}}, "type": "object"}
    assert place_at(schema, parse_path("a")) is None
    assert fields_of(schema) == []
