"""From a function's signature to the type of its arguments, and back to a call."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, create_model
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema

from agents_app.core.canonical import canonical_text
from agents_app.definitions.annotations import is_context, is_sensitive
from agents_app.definitions.docstrings import argument_texts
from agents_app.definitions.problems import Code, Problem, first_line
from agents_app.definitions.tool_context import ToolContext

EMPTY = inspect.Parameter.empty
POSITIONAL_ONLY = inspect.Parameter.POSITIONAL_ONLY
VARIADIC = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
CONFIG = ConfigDict(extra="forbid", protected_namespaces=(), hide_input_in_errors=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """One parameter. `field` is its attribute in the arguments' type, which may not be called as it is."""

    name: str
    field: str
    annotation: Any
    default: Any
    by_position: bool
    is_context: bool


@dataclass(frozen=True, slots=True)
class CallShape:
    """How arguments become a call."""

    parameters: tuple[Parameter, ...]

    def bind(self, context: ToolContext, arguments: BaseModel) -> tuple[list[Any], dict[str, Any]]:
        """Positional and keyword arguments, with the context where the signature wants it."""
        positional: list[Any] = []
        keywords: dict[str, Any] = {}
        for parameter in self.parameters:
            value = context if parameter.is_context else getattr(arguments, parameter.field)
            if parameter.by_position:
                positional.append(value)
            else:
                keywords[parameter.name] = value
        return positional, keywords

    def values(self, arguments: BaseModel) -> dict[str, Any]:
        """The arguments by the names of their parameters, without the context."""
        return {parameter.name: getattr(arguments, parameter.field) for parameter in self.arguments}

    def accepted_by(self, function: Callable[..., Any], *, owned: bool) -> bool:
        """Whether a function can be called the way this shape calls the tool."""
        positional = [None] * (owned + sum(parameter.by_position for parameter in self.parameters))
        keywords = {parameter.name: None for parameter in self.parameters if not parameter.by_position}
        try:
            inspect.signature(function).bind(*positional, **keywords)
        except TypeError:
            return False
        return True

    @property
    def arguments(self) -> tuple[Parameter, ...]:
        """The parameters that the LLM fills."""
        return tuple(parameter for parameter in self.parameters if not parameter.is_context)


@dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """What a function's signature says: how to call it, and what it says it returns (EMPTY if nothing)."""

    shape: CallShape
    returns: Any


def read_signature(function: Callable[..., Any], *, owned: bool) -> tuple[Signature | None, list[Problem]]:
    """The signature of a tool's function (`owned`: its first parameter is `self`), or what is wrong with it."""
    try:
        hints = get_type_hints(function, include_extras=True)
    except Exception as error:  # hints are code, and may raise anything
        message = f"Its type hints cannot be resolved: {error}."
        hint = "Import the names at module level, not under TYPE_CHECKING: tools read their hints at run time."
        return None, [Problem(code=Code.PARAMETER_TYPE, message=message, hint=hint)]
    found = list(inspect.signature(function).parameters.values())[1 if owned else 0 :]
    problems = [problem for parameter in found for problem in _parameter_problems(parameter, hints)]
    if problems:
        return None, problems
    shape = CallShape(tuple(_parameter(parameter, hints[parameter.name]) for parameter in found))
    return Signature(shape=shape, returns=hints.get("return", EMPTY)), []


def _parameter_problems(parameter: inspect.Parameter, hints: Mapping[str, Any]) -> list[Problem]:
    if parameter.kind in VARIADIC:
        hint = "Name each parameter: the LLM and the approver must see what they fill in."
        return [Problem(code=Code.PARAMETER_KIND, message=f"Parameter “{parameter.name}” takes any number.", hint=hint)]
    if parameter.name not in hints:
        hint = f"Write `{parameter.name}: <type>`; the schema comes from the annotations."
        message = f"Parameter “{parameter.name}” has no annotation."
        return [Problem(code=Code.UNANNOTATED, message=message, hint=hint)]
    return []


def _parameter(parameter: inspect.Parameter, annotation: Any) -> Parameter:
    taken = parameter.name.startswith("_") or hasattr(BaseModel, parameter.name)
    return Parameter(
        name=parameter.name,
        field=f"argument{parameter.name}_" if taken else parameter.name,
        annotation=annotation,
        default=parameter.default,
        by_position=parameter.kind is POSITIONAL_ONLY,
        is_context=is_context(annotation, ToolContext),
    )


def arguments_type(
    name: str, shape: CallShape, docstring: str | None
) -> tuple[type[BaseModel] | None, dict[str, Any], list[Problem]]:
    """The pydantic type of a tool's arguments and its JSON schema, or what is wrong with the parameters."""
    problems = [problem for parameter in shape.arguments for problem in _type_problems(parameter)]
    if problems:
        return None, {}, problems
    texts = argument_texts(docstring)
    fields = {parameter.field: _field(parameter, texts.get(parameter.name)) for parameter in shape.arguments}
    created = _create(name, fields)
    schema = json_schema(created)
    for parameter in shape.arguments:
        if is_sensitive(parameter.annotation):
            schema["properties"][parameter.name].pop("default", None)
    return created, schema, []


def json_schema(arguments: type[BaseModel]) -> dict[str, Any]:
    """Its JSON schema without the titles that pydantic makes up."""
    schema = arguments.model_json_schema(by_alias=True, schema_generator=Untitled)
    schema.pop("title", None)
    schema.setdefault("properties", {})
    return schema


class Untitled(GenerateJsonSchema):
    """Without the titles that pydantic makes up from the names of fields: they tell an LLM nothing."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _create(name: str, fields: Mapping[str, Any]) -> type[BaseModel]:
    create: Callable[..., type[BaseModel]] = create_model
    return create(name, __config__=CONFIG, **fields)


def _field(parameter: Parameter, text: str | None) -> tuple[Any, Any]:
    own_text = FieldInfo.from_annotation(parameter.annotation).description
    names = Field(alias=parameter.name, description=own_text or text)
    return Annotated[parameter.annotation, names], ... if parameter.default is EMPTY else _default(parameter)


def _default(parameter: Parameter) -> Any:
    """The default as an object of the annotated type. Raises ValueError or TypeError if it is no such thing.

    Made here and not by pydantic's `validate_default`, which takes a default for JSON when it reads JSON.
    """
    if isinstance(parameter.default, FieldInfo):
        raise TypeError("a Field is no default")
    probe = _create("Default", {"value": (parameter.annotation, ...)})
    value = probe.model_validate({"value": parameter.default})
    if probe.model_validate_json(canonical_text(value)) != value:
        raise ValueError("the default does not come back as it is")
    return next(iter(value))[1]


def _type_problems(parameter: Parameter) -> list[Problem]:
    try:
        TypeAdapter(parameter.annotation).json_schema(schema_generator=Untitled)
    except Exception as error:  # types may raise anything when pydantic asks them for their schema
        message = f"Parameter “{parameter.name}” has a type without JSON schema: {first_line(error)}"
        hint = "Use what pydantic can read from JSON: numbers, texts, dates, enums, lists, BaseModel classes."
        return [Problem(code=Code.PARAMETER_TYPE, message=message, hint=hint)]
    try:
        if parameter.default is not EMPTY:
            _default(parameter)
    except (ValueError, TypeError):
        message = f"The default of parameter “{parameter.name}” does not fit its type or cannot be written as JSON."
        hint = "Use a plain value of the annotated type; descriptions and limits go into Annotated[..., Field(...)]."
        return [Problem(code=Code.DEFAULT, message=message, hint=hint)]
    return []
