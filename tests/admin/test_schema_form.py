"""Forms made from JSON schemas."""

import json
from typing import Any

import pytest
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from agents_app.admin.schema_fields import Kind, shape_of
from agents_app.admin.schema_form import SchemaForm
from agents_app.core.canonical import canonical_text
from agents_app.definitions.registry import definition_of
from tests.admin.till import PARCEL, Till

TOOL = definition_of(Till).tools["parcel"]
VALUES: dict[str, Any] = {
    "address": {"floor": None, "street": "High St 1"},
    "colour": "red",
    "day": None,
    "fragile": True,
    "gift": None,
    "note": "first line\nsecond line",
    "pieces": 2,
    "tags": None,
    "weight": 1.5,
}


def posted(form: SchemaForm, **changes: Any) -> QueryDict:
    """What a browser sends for the form as it stands, but for these fields (None: an empty box)."""
    sent = {}
    for bound in form:
        value = changes.get(bound.name, bound.value())
        if value is None or value is False:
            continue
        # Browsers end lines with CR LF.
        sent[bound.html_name] = ["on" if value is True else str(value).replace("\n", "\r\n")]
    data = QueryDict(mutable=True)
    data.update(MultiValueDict(sent))
    return data


def form(data: QueryDict | None = None, **options: Any) -> SchemaForm:
    return SchemaForm(TOOL.parameters, VALUES, data=data, **options)


def test_each_type_has_its_field() -> None:
    kinds = {name: shape.kind for name, shape in form().shapes.items()}
    assert kinds == {
        "address": Kind.JSON,
        "colour": Kind.CHOICE,
        "pieces": Kind.INTEGER,
        "weight": Kind.NUMBER,
        "fragile": Kind.BOOLEAN,
        "gift": Kind.BOOLEAN,
        "day": Kind.DATE,
        "note": Kind.TEXT,
        "tags": Kind.JSON,
    }
    refund = definition_of(Till).tools["refund"].parameters
    assert shape_of(refund["properties"]["amount"], {}).kind is Kind.DECIMAL


def test_what_nobody_touched_is_no_edit() -> None:
    sent = form(posted(form()))
    assert sent.is_valid(), sent.errors
    assert sent.edited() is None


@pytest.mark.parametrize(
    ("field", "typed", "value"),
    [
        ("address", '{"street": "Low St 2"}', {"street": "Low St 2"}),
        ("colour", '"blue"', "blue"),
        ("pieces", " 3 ", 3),
        ("weight", "2", 2),
        ("weight", "2.25", 2.25),
        ("fragile", None, False),
        ("gift", "true", True),
        ("day", "2026-12-24", "2026-12-24"),
        ("note", "", ""),
        ("note", "other\nlines", "other\nlines"),
        ("tags", '["a"]', ["a"]),
    ],
)
def test_one_changed_field_is_an_edit_that_keeps_the_rest(field: str, typed: Any, value: Any) -> None:
    sent = form(posted(form(), **{field: typed}))
    assert sent.is_valid(), sent.errors
    assert sent.edited() == {**VALUES, field: value}
    TOOL.validate(sent.edited())


@pytest.mark.parametrize(
    ("field", "typed", "message"),
    [
        ("pieces", "many", "Enter a whole number."),
        ("pieces", "", "Enter a whole number."),
        ("weight", "nan", "Enter a number"),
        ("weight", "heavy", "Enter a number"),
        ("address", '{"street": ', "not valid JSON (line 1"),
        ("colour", '"green"', "Select a valid choice"),
        ("tags", "[" * 100_000, "not valid JSON"),
    ],
)
def test_what_means_no_value_is_an_error_at_its_field(field: str, typed: str, message: str) -> None:
    sent = form(posted(form(), **{field: typed}))
    assert not sent.is_valid()
    assert message in str(sent.errors[field])
    assert list(sent.errors) == [field]


def test_errors_of_the_tool_stand_at_their_field() -> None:
    sent = form(posted(form()))
    sent.add_errors(
        [
            {"path": ["address", "street"], "message": "Field required"},
            {"path": ["pieces"], "message": "too many"},
            {"path": [], "message": "All wrong"},
        ]
    )
    assert sent.errors["address"] == ["street: Field required"]
    pointed = json.loads(sent.fields["address"].widget.attrs["data-errors"])
    assert pointed == [{"path": ["street"], "message": "Field required", "text": "street: Field required"}]
    assert sent.errors["pieces"] == ["too many"]
    assert sent.non_field_errors() == ["All wrong"]


def test_hidden_parameters_are_masked_and_kept() -> None:
    tool = definition_of(Till).tools["unlock"]
    values = {"door": "cellar", "code": "hunter2"}
    shown = SchemaForm(tool.parameters, values, hidden=tool.sensitive)
    row = next(row for row in shown.rows() if row.name == "code")
    assert row.hidden
    assert row.value == "***"
    assert "hunter2" not in str([*shown.rows()])
    data = posted(shown, door="attic")
    data["argument-code"] = "other"
    sent = SchemaForm(tool.parameters, values, data=data, hidden=tool.sensitive)
    assert sent.is_valid()
    assert sent.edited() == {"door": "attic", "code": "hunter2"}


def test_a_value_outside_of_its_choices_can_still_be_shown() -> None:
    shown = SchemaForm(TOOL.parameters, {**VALUES, "colour": "green"})
    assert '"green"' in [value for value, _ in shown.fields["colour"].choices]  # type: ignore[attr-defined]


def test_the_difference_is_shown() -> None:
    sent = form(posted(form(), pieces="3"))
    assert sent.changes() == [("Pieces", "2", "3")]
    assert {row.name: row.before for row in sent.rows() if row.before is not None} == {"pieces": "2"}


def test_an_answer_leaves_out_what_is_optional_and_empty() -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": ["integer", "null"]}, "size": {"type": "string"}},
        "required": ["name"],
    }
    sent = SchemaForm(schema, data=QueryDict("argument-name=Ada&argument-age=&argument-size="))
    assert sent.is_valid(), sent.errors
    assert sent.answer() == {"name": "Ada"}


@pytest.mark.parametrize(
    ("schema", "typed", "value"),
    [
        ({"type": "string"}, "free text", "free text"),
        ({"type": "integer"}, "7", 7),
        ({"enum": ["a", 1]}, "1", 1),
        ({"type": "array", "items": {"type": "string"}}, '["x"]', ["x"]),
        ({"type": "object"}, '{"a": 1}', {"a": 1}),
        ({}, "null", None),
    ],
)
def test_a_schema_that_is_no_object_is_one_field(schema: dict[str, Any], typed: str, value: Any) -> None:
    data = QueryDict(mutable=True)
    data["argument-value"] = typed
    sent = SchemaForm(schema, data=data)
    assert sent.is_valid(), sent.errors
    assert sent.answer() == value


def test_schemas_that_refer_to_themselves_end() -> None:
    looped = {"$ref": "#/$defs/A"}
    assert shape_of(looped, {"A": looped}).kind is Kind.JSON


def test_the_arguments_of_these_tests_are_those_of_the_tool() -> None:
    assert TOOL.text(TOOL.validate(PARCEL)) == canonical_text(VALUES)
