"""What the editor of nested values is given."""

from typing import Any

import pytest

from agents_app.admin.schema_editor import MOST_PARTS, SAFE, editor_schema

pytestmark = pytest.mark.once

ADDRESS = {
    "type": "object",
    "properties": {
        "street": {"type": "string"},
        "floor": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None, "title": "Floor"},
    },
    "required": ["street"],
}


def test_references_are_filled_in_and_options_named() -> None:
    found = editor_schema({"$ref": "#/$defs/Address", "description": "Where to."}, {"Address": ADDRESS}, {})
    assert found == {
        "type": "object",
        "description": "Where to.",
        "properties": {
            "street": {"type": "string", "title": "Street"},
            "floor": {
                "title": "Floor",
                "anyOf": [{"type": "integer", "title": "Floor: integer"}, {"type": "null", "title": "Floor: nothing"}],
            },
        },
        "required": ["street"],
    }


def test_amounts_stay_digits() -> None:
    amount = {"anyOf": [{"type": "number"}, {"type": "string", "pattern": "[0-9]+"}], "title": "Price"}
    items = {"type": "array", "items": {"type": "object", "properties": {"price": amount}}}
    found = editor_schema(items, {}, [{"price": "12.50"}])
    assert found is not None
    assert found["items"]["properties"]["price"] == {"type": "string", "pattern": "[0-9]+", "title": "Price"}


def test_names_may_be_added_where_the_schema_takes_any() -> None:
    found = editor_schema({"type": "object", "additionalProperties": {"type": "integer"}}, {}, {})
    assert found == {"type": "object", "additionalProperties": {"type": "integer"}, "x-objectAdd": True}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"$ref": "#/$defs/Tree"}, {}),
        ({"type": "array"}, [SAFE + 1]),
        ({"type": "array"}, [0] * MOST_PARTS),
    ],
    ids=["endless", "too large a number", "too many parts"],
)
def test_what_a_browser_would_spoil_stays_text(schema: dict[str, Any], value: Any) -> None:
    tree = {"type": "object", "properties": {"left": {"$ref": "#/$defs/Tree"}}}
    assert editor_schema(schema, {"Tree": tree}, value) is None
