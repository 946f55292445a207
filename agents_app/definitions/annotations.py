"""What annotations say besides the type: which parameter is the context, which are sensitive, which carry markers."""

import dataclasses
import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic.fields import FieldInfo
from typing_extensions import is_typeddict  # typing's own does not know those of typing_extensions

from agents_app.definitions.markers import Marker, Money, Ref, Sensitive


def is_context(annotation: Any, context_type: type) -> bool:
    """Whether this is the type of the context, or a union with it."""
    return any(part is context_type for part in _members(annotation))


def markers_of(annotation: Any) -> tuple[Marker, ...]:
    """The markers of a parameter, also those inside of `Annotated[…] | None`."""
    found: list[Marker] = []
    for item in _metadata(annotation):
        marker = Sensitive() if item is Sensitive else item
        if isinstance(marker, Money | Ref | Sensitive):
            found.append(marker)
    return tuple(found)


def is_sensitive(annotation: Any) -> bool:
    """Whether the type is, or contains anywhere, a secret or something marked Sensitive."""
    return _contains_secret(annotation, set())


def _contains_secret(annotation: Any, seen: set[int]) -> bool:
    if id(annotation) in seen:
        return False
    seen.add(id(annotation))
    if annotation in (SecretStr, SecretBytes, Sensitive) or isinstance(annotation, Sensitive):
        return True
    if isinstance(annotation, FieldInfo):
        return any(_contains_secret(part, seen) for part in (annotation.annotation, *annotation.metadata))
    return any(_contains_secret(part, seen) for part in _parts(annotation))


def _parts(annotation: Any) -> Iterator[Any]:
    """What an annotation is made of: arguments, metadata, fields, the value of an alias."""
    yield from get_args(annotation)
    yield get_origin(annotation)
    yield getattr(annotation, "__value__", None)
    yield getattr(annotation, "__supertype__", None)
    if not isinstance(annotation, type):
        return
    if issubclass(annotation, SecretStr | SecretBytes):
        yield SecretStr
    elif issubclass(annotation, BaseModel):
        yield from annotation.model_fields.values()
    else:
        yield from _hints(annotation).values()


def named_parts(annotation: Any) -> Iterator[tuple[type, str, Any]]:
    """What the objects that a type is, or may hold in lists and unions, are made of: whose part, its name, its type."""
    if isinstance(annotation, FieldInfo):
        yield from named_parts(annotation.annotation)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            yield annotation, field.serialization_alias or field.alias or name, field
    elif isinstance(annotation, type) and (hints := _hints(annotation)):
        yield from ((annotation, name, hint) for name, hint in hints.items())
    elif get_origin(annotation) is Annotated:
        yield from named_parts(get_args(annotation)[0])
    elif not isinstance(get_origin(annotation), type) or not issubclass(get_origin(annotation), Mapping):
        for part in get_args(annotation):
            yield from named_parts(part)


def _hints(annotation: type) -> dict[str, Any]:
    """The parts of a dataclass, a typed dict or a named tuple; none of another class."""
    if dataclasses.is_dataclass(annotation) or is_typeddict(annotation) or hasattr(annotation, "_fields"):
        return get_type_hints(annotation, include_extras=True)
    return {}


def _members(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Annotated:
        yield from _members(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, types.UnionType):
        for part in get_args(annotation):
            yield from _members(part)
    else:
        yield annotation


def _metadata(annotation: Any) -> Iterator[Any]:
    if isinstance(annotation, FieldInfo):
        yield from _metadata(annotation.annotation)
        yield from annotation.metadata
    elif get_origin(annotation) is Annotated:
        yield from _metadata(get_args(annotation)[0])
        yield from annotation.__metadata__
    elif get_origin(annotation) in (Union, types.UnionType):
        for part in get_args(annotation):
            yield from _metadata(part)
