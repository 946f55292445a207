"""The schemas of questions: an LLM writes them, and what people answer is checked in the server."""

from typing import Any

import pytest

from agents_app.definitions.questions import check_schema, faults_of
from agents_app.exceptions import InvalidArguments


def test_a_pattern_takes_linear_time() -> None:
    """With Python's own engine this one would hold the process for longer than the universe is old."""
    schema = {"type": "string", "pattern": "^(a+)+$"}
    check_schema(schema)
    assert faults_of(schema, "a" * 1000) == []
    assert [fault["path"] for fault in faults_of(schema, "a" * 1000 + "!")] == [[]]


@pytest.mark.parametrize(
    ("pattern", "fits", "not_this"),
    [("b", "abc", "ac"), (r"^\d{5}$", "89073", "8907"), ("^[A-Z]-[0-9]+$", "A-1", "A1")],
)
def test_a_pattern_is_found_anywhere_in_texts_alone(pattern: str, fits: str, not_this: str) -> None:
    schema = {"pattern": pattern}
    check_schema(schema)
    assert faults_of(schema, fits) == []
    assert faults_of(schema, not_this)
    assert faults_of(schema, 7) == []


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "("},
        {"type": "string", "pattern": "(?=a)b"},
        {"type": "string", "pattern": r"(a)\1"},
        {"type": "object", "patternProperties": {"^(a+)+$": {}}},
        {"type": "object", "properties": {"name": {"patternProperties": {}}}},
    ],
)
def test_what_cannot_be_checked_in_linear_time_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(InvalidArguments):
        check_schema(schema)


def test_a_property_may_have_any_name() -> None:
    schema = {"type": "object", "properties": {"patternProperties": {"type": "string"}, "pattern": {"type": "string"}}}
    check_schema(schema)
    assert faults_of(schema, {"pattern": "(", "patternProperties": "x"}) == []
