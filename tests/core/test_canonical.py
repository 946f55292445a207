"""One text for one value."""

import json
import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from agents_app.core.canonical import canonical_text, clean_json, clean_text, digest, sha256_of


class Colour(Enum):
    RED = "red"


class Line(BaseModel):
    price: Decimal
    tags: set[str] = set()


class Order(BaseModel):
    lines: list[Line]
    at: datetime
    secret: SecretStr


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None, "x"]}, '{"a":[true,null,"x"],"b":1}'),
        # UTF-16 order: a surrogate pair sorts before U+FFFD, unlike in code point order.
        ({"\ufffd": 1, "\U0001f600": 2}, '{"\U0001f600":2,"\ufffd":1}'),
        ('é\n\x1f"', '"é\\n\\u001f\\""'),
        (2.0, "2"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (1e-7, "1e-7"),
        (1.5e-5, "0.000015"),
        (1e21, "1e+21"),
        (1e20, "100000000000000000000"),
        (10**30, "1" + "0" * 30),
        (Decimal("120.00"), '"120"'),
        (Decimal("1E+3"), '"1000"'),
        (Decimal("0.0500"), '"0.05"'),
        (Decimal("-0"), '"0"'),
        ({"b", "a"}, '["a","b"]'),
        (Colour.RED, '"red"'),
        (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (date(2026, 1, 2), '"2026-01-02"'),
        (datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=2))), '"2026-01-02T03:00:00+02:00"'),
        ({1: "a", Colour.RED: "b", date(2026, 1, 2): "c"}, '{"1":"a","2026-01-02":"c","red":"b"}'),
        (SecretStr("s"), '"s"'),
        (b"ab", '"ab"'),
    ],
)
def test_text(value: Any, text: str) -> None:
    assert canonical_text(value) == text


def test_a_pydantic_object_comes_back_equal_from_its_text() -> None:
    order = Order(
        lines=[Line(price=Decimal("0.10"), tags={"z", "a"})], at=datetime(2026, 1, 2, tzinfo=UTC), secret=SecretStr("s")
    )
    text = canonical_text(order)
    assert text == '{"at":"2026-01-02T00:00:00+00:00","lines":[{"price":"0.1","tags":["a","z"]}],"secret":"s"}'
    assert Order.model_validate_json(text) == order


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        Decimal("NaN"),
        Decimal("Infinity"),
        Decimal("1E+999999"),
        "\ud800",
        {"\udfff": 1},
        {1: 1, "1": 2},
    ],
)
def test_what_has_no_text_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical_text(value)


def test_a_foreign_object_is_refused() -> None:
    with pytest.raises(ValueError, match="object"):
        canonical_text(object())


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON_VALUES)
def test_json_values_come_back_equal_and_the_text_is_stable(value: Any) -> None:
    cleaned, _ = clean_json(value)
    text = canonical_text(cleaned)
    again = json.loads(text)
    assert again == cleaned
    assert canonical_text(again) == text


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_decimals_come_back_equal(value: Decimal) -> None:
    if value == 0 or abs(value.adjusted()) <= 400:
        assert Decimal(canonical_text(value).strip('"')) == value


@dataclass
class Call:
    run_id: str = "r"
    call_id: str = "c"
    tool: str = "t"
    schema_hash: str = "s"
    text: str = "{}"


def test_the_digest_covers_every_part_and_is_unambiguous() -> None:
    calls = [Call(), Call("x"), Call(call_id="x"), Call(tool="x"), Call(schema_hash="x"), Call(text="x")]
    calls += [Call(run_id="r,c", call_id=""), Call(run_id="rc", call_id=""), Call(run_id="", call_id="rc")]
    digests = {digest(**vars(call)) for call in calls}
    assert len(digests) == len(calls)
    assert all(len(text) == 64 and int(text, 16) for text in digests)
    assert digest(**vars(Call())) == digest(**vars(Call()))


def test_sha256_does_not_depend_on_the_order_of_keys() -> None:
    assert sha256_of({"a": 1, "b": 2}) == sha256_of({"b": 2, "a": 1})


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [("a\x00b", "a�b"), ("\ud800x", "�x"), ("x\udfff", "x�"), ("ok 😀", "ok 😀"), ("", "")],
)
def test_clean_text(dirty: str, clean: str) -> None:
    assert clean_text(dirty) == (clean, dirty != clean)


def test_clean_json_reaches_everything() -> None:
    dirty = {"a\x00": ["\ud800", {"b": "ok"}], "n": 1, "f": False, "z": None}
    assert clean_json(dirty) == ({"a�": ["�", {"b": "ok"}], "n": 1, "f": False, "z": None}, True)
    assert clean_json({"a": ["b"]}) == ({"a": ["b"]}, False)
