"""Answers: told to the LLM as a function, checked, stored, read again."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Generic, TypeVar

import pytest
from pydantic import BaseModel

from agents_app import Agent
from agents_app.definitions.answers import answer_of
from agents_app.definitions.registry import definition_of
from agents_app.exceptions import InvalidArguments

T = TypeVar("T")
U = TypeVar("U")


class Reply(BaseModel):
    text: str
    refunded: Decimal = Decimal(0)


@dataclass
class Point:
    x: int


class Tree(BaseModel):
    children: "list[Tree]" = []


class Structured(Agent[Reply]):
    name = "structured"


class Numbers(Agent[list[int]]):
    name = "numbers"


class Plain(Agent):
    name = "plain"


class Generics(Agent[T], Generic[T, U]):
    abstract = True


class Further(Generics[U, int], Generic[U]):
    abstract = True


class Last(Further[Point]):
    name = "last"


class AfterLast(Last):
    name = "after_last"


class Forest(Agent[Tree]):
    name = "forest"


@pytest.mark.parametrize(
    ("agent", "answer"),
    [(Structured, Reply), (Numbers, list[int]), (Plain, str), (Last, Point), (AfterLast, Point)],
)
def test_the_type_is_found_through_bases(agent: Any, answer: Any) -> None:
    assert answer_of(agent) == answer


def test_structured_answers() -> None:
    definition = definition_of(Structured)
    assert definition.answer_schema is not None
    assert definition.answer_schema["required"] == ["text"]
    answer = definition.validate_answer('{"text": "Done.", "refunded": 1.5}')
    assert answer == Reply(text="Done.", refunded=Decimal("1.5"))
    assert definition.validate_answer(answer) == answer
    assert definition.validate_answer({"text": "Done.\x00"}).text == "Done.�"
    assert definition.load_answer(definition.dump_answer(answer)) == answer
    assert definition.dump_answer(answer) == {"text": "Done.", "refunded": "1.5"}


def test_what_is_no_object_is_told_as_one_argument() -> None:
    definition = definition_of(Numbers)
    assert definition.answer_schema == {
        "type": "object",
        "properties": {"answer": {"type": "array", "items": {"type": "integer"}}},
        "required": ["answer"],
    }
    assert definition.validate_answer('{"answer": [1, 2]}') == [1, 2]
    assert definition.dump_answer([1, 2]) == [1, 2]
    assert definition.load_answer([1, 2]) == [1, 2]


def test_a_type_that_contains_itself_keeps_its_definitions() -> None:
    definition = definition_of(Forest)
    assert definition.answer_schema is not None
    assert "Tree" in definition.answer_schema["$defs"]
    assert definition.validate_answer({"answer": {"children": [{}]}}) == Tree(children=[Tree()])


def test_plain_text() -> None:
    definition = definition_of(Plain)
    assert definition.answer_schema is None
    assert definition.validate_answer("Done.\ud800") == "Done.�"
    assert definition.dump_answer("Done.") == "Done."
    with pytest.raises(InvalidArguments):
        definition.validate_answer({"text": "Done."})


@pytest.mark.parametrize(
    "answer", ["no JSON", "{}", '{"text": 1}', "[]", {"refunded": 1}, None, 3, '{"text": "\\ud800"']
)
def test_answers_that_do_not_fit(answer: Any) -> None:
    with pytest.raises(InvalidArguments) as error:
        definition_of(Structured).validate_answer(answer)
    assert error.value.errors


def test_answers_outside_of_their_one_argument() -> None:
    with pytest.raises(InvalidArguments, match="answer"):
        definition_of(Numbers).validate_answer("[1, 2]")


def test_a_stored_answer_that_no_longer_fits() -> None:
    with pytest.raises(InvalidArguments):
        definition_of(Structured).load_answer({"words": "Done."})
