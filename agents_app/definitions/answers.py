"""The answer of an agent: its type, and the function by which an LLM gives it."""

from dataclasses import dataclass
from typing import Any, TypeVar, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from agents_app.core.canonical import JSON, clean_json, clean_text
from agents_app.definitions.agent import Agent, Answer
from agents_app.definitions.json_values import finite
from agents_app.definitions.parameters import Untitled
from agents_app.definitions.validation import invalid_arguments, invalid_by

WRAPPER = "answer"
"""The one parameter of `final_answer` where the type itself is no JSON object."""


@dataclass(frozen=True, kw_only=True, eq=False)
class AnswerType:
    """How answers of one type are told to the LLM, checked and stored. `schema` is None for plain text."""

    type: Any
    adapter: TypeAdapter[Any]
    schema: dict[str, Any] | None
    wrapped: bool

    def validate(self, answer: Any) -> Any:
        """The answer from plain text, or from the arguments of `final_answer` (JSON text or values).

        An object of the type itself is taken as it is. Raises InvalidArguments.
        """
        if self.schema is None:
            if not isinstance(answer, str):
                raise invalid_arguments([], "The answer must be a text.")
            return clean_text(answer)[0]
        try:
            return self._checked(answer)
        except ValidationError as error:
            raise invalid_by(error) from None
        except RecursionError:
            raise invalid_arguments([], "The answer is nested too deeply.") from None
        except ValueError as error:
            raise invalid_arguments([], f"The answer cannot be used: {error}.") from None

    def load(self, stored: JSON) -> Any:
        """The answer from what `dump` gave. Raises InvalidArguments if it no longer fits the type."""
        try:
            return self.adapter.validate_json(to_json(stored))
        except ValidationError as error:
            raise invalid_by(error) from None

    def dump(self, answer: Any) -> JSON:
        """The answer as JSON values, as it is stored. Raises ValueError or TypeError if it cannot be written."""
        return finite(self.adapter.dump_python(answer, mode="json", by_alias=True, warnings=False))

    def _checked(self, answer: Any) -> Any:
        if not isinstance(answer, str | dict | list):
            return self.adapter.validate_python(answer)
        cleaned, _ = clean_json(_ANY.validate_json(answer) if isinstance(answer, str) else answer)
        if self.wrapped:
            if not isinstance(cleaned, dict) or set(cleaned) != {WRAPPER}:
                raise invalid_arguments([], f"The answer is given as the one argument “{WRAPPER}”.")
            cleaned = cleaned[WRAPPER]
        return self.adapter.validate_json(to_json(cleaned, inf_nan_mode="constants"))


_ANY: TypeAdapter[Any] = TypeAdapter(Any)


def answer_type(answer: Any) -> AnswerType:
    """Raises what pydantic raises for a type that has no JSON schema."""
    adapter: TypeAdapter[Any] = TypeAdapter(answer)
    if answer is str:
        return AnswerType(type=answer, adapter=adapter, schema=None, wrapped=False)
    schema = adapter.json_schema(schema_generator=Untitled)
    schema.pop("title", None)
    wrapped = schema.get("type") != "object"
    if wrapped:
        definitions = schema.pop("$defs", None)
        schema = {"type": "object", "properties": {WRAPPER: schema}, "required": [WRAPPER]}
        if definitions:
            schema["$defs"] = definitions
    return AnswerType(type=answer, adapter=adapter, schema=schema, wrapped=wrapped)


def answer_of(agent: type[Agent[Any]]) -> Any:
    """What stands in the brackets of `Agent[…]`, through any number of generic bases; str if nothing does."""
    found = _answer_of(agent)
    return str if found is None or isinstance(found, TypeVar) else found


def _answer_of(agent: type) -> Any:
    if agent is Agent:
        return Answer
    for base in vars(agent).get("__orig_bases__", agent.__bases__):
        origin = get_origin(base) or base
        if not (isinstance(origin, type) and issubclass(origin, Agent)):
            continue
        inner, parameters = _answer_of(origin), getattr(origin, "__parameters__", ())
        if inner in parameters and get_args(base):
            return get_args(base)[parameters.index(inner)]
        return inner
    return None
