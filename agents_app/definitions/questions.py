"""The JSON schema of a question's answer. An LLM writes it, so it is judged before a person meets it."""

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import SchemaError, ValidationError
from pydantic_core import SchemaError as SchemaValidatorError
from pydantic_core import SchemaValidator, core_schema
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from agents_app.exceptions import InvalidArguments


class PatternError(ValueError):
    """Not a regular expression, or one that only a slow engine can match."""


def check_schema(schema: Any) -> None:
    """Raise InvalidArguments unless answers can be checked against this schema, without fetching anything."""
    try:
        if not isinstance(schema, dict):
            raise InvalidArguments("`schema` is a JSON object.")
        Draft202012Validator.check_schema(schema)
        references = Registry().with_resource("", Resource.from_contents(schema, default_specification=DRAFT202012))
        for name, text in _texts(schema):
            if name == "patternProperties":
                raise InvalidArguments("`schema` names properties by patterns; name them one by one.")
            if name == "pattern":
                _matcher(text)
            else:
                references.resolver().lookup(text)
        list(_validator(schema).iter_errors(None))
    except SchemaError as error:
        raise InvalidArguments(f"`schema` is not a JSON schema: {error.message}") from error
    except PatternError as error:
        raise InvalidArguments(f"`schema` has a pattern that cannot be used: {error}.") from error
    except Unresolvable as error:
        raise InvalidArguments(f"`schema` refers to {error.ref!r}, which it does not hold.") from error
    except RecursionError as error:
        raise InvalidArguments("`schema` is nested too deeply or refers to itself without end.") from error


def faults_of(schema: dict[str, Any], answer: Any) -> list[dict[str, Any]]:
    """What is wrong with an answer, as {"path", "message"}; nothing if it fits. The schema has been checked."""
    try:
        errors = list(_validator(schema).iter_errors(answer))
    except RecursionError:
        return [{"path": [], "message": "The answer is nested too deeply."}]
    return [{"path": list(error.absolute_path), "message": error.message} for error in errors]


def _validator(schema: dict[str, Any]) -> Draft202012Validator:
    # An empty registry: by default the library would fetch what a `$ref` names from the network.
    return _LinearTime(schema, registry=Registry())


def _matcher(pattern: str) -> SchemaValidator:
    """Of the engine that takes linear time: Python's own may take hours over a few characters, holding the process."""
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
    except SchemaValidatorError as error:
        raise PatternError("neither look-around nor references back can be matched in linear time") from error


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not _matcher(pattern).isinstance_python(instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


_LinearTime: type[Draft202012Validator] = validators.extend(  # type: ignore[no-untyped-call]  # the library's
    Draft202012Validator, {"pattern": _pattern}
)


def _texts(schema: Any) -> Iterator[tuple[str, str]]:
    """Every pattern, every reference and every use of patternProperties in the schema."""
    if isinstance(schema, list):
        for item in schema:
            yield from _texts(item)
    if not isinstance(schema, dict):
        return
    for name, value in schema.items():
        if name == "pattern" and isinstance(value, str):
            yield "pattern", value
        elif name in ("properties", "$defs") and isinstance(value, dict):
            yield from _texts(list(value.values()))
        elif name == "patternProperties":
            yield name, ""
        elif name in ("$ref", "$dynamicRef") and isinstance(value, str):
            yield "reference", value
        else:
            yield from _texts(value)
