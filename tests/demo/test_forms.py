"""The form of an answer, made from the question's schema."""

from uuid import uuid4

import pytest

from agents_app.models import InputRequest
from project.demo.forms import AnswerForm


def form(schema, **values):
    request = InputRequest(id=uuid4(), question="Which?", schema=schema)
    return AnswerForm(request, {f"answer-{request.pk}-{name}": value for name, value in values.items()})


def test_a_question_without_a_schema_takes_a_text():
    assert form(None, answer="A-1001").is_valid()
    filled = form(None, answer=" A-1001 ")
    filled.is_valid()
    assert filled.answer() == "A-1001"
    assert not form(None, answer=" ").is_valid()


def test_an_object_has_a_field_for_each_property():
    schema = {
        "type": "object",
        "properties": {
            "order_number": {"type": "string"},
            "count": {"type": "integer"},
            "weight": {"type": "number", "title": "How heavy?"},
            "keep": {"type": "boolean"},
            "colour": {"enum": ["red", 3]},
            "more": {"type": "array"},
        },
        "required": ["order_number", "colour"],
    }
    filled = form(schema, order_number="A-1", count="2", weight="1.5", colour="3", more="[1, 2]")
    assert filled.is_valid(), filled.errors
    assert filled.answer() == {
        "order_number": "A-1",
        "count": 2,
        "weight": 1.5,
        "keep": False,
        "colour": 3,
        "more": [1, 2],
    }
    assert filled.fields["weight"].label == "How heavy?"
    partly = form(schema, order_number="A-1", colour='"red"')
    assert partly.is_valid()
    assert partly.answer() == {"order_number": "A-1", "keep": False, "colour": "red"}
    assert set(form(schema, count="two").errors) == {"order_number", "count", "colour"}


@pytest.mark.parametrize(
    ("schema", "given", "expected"),
    [
        ({"enum": ["yes", "no"]}, '"no"', "no"),
        ({"type": "integer"}, "7", 7),
        ({"type": "array", "items": {"type": "string"}}, '["a"]', ["a"]),
        ({"type": "object"}, '{"a": 1}', {"a": 1}),
        ({}, '"text"', "text"),
    ],
)
def test_other_schemas_have_one_field(schema, given, expected):
    filled = form(schema, answer=given)
    assert filled.is_valid(), filled.errors
    assert filled.answer() == expected
