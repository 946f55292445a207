"""Paths into the arguments of a call, and what a JSON schema says stands there. Pure.

A path is a name (`amount`), then any number of `.name` (`customer.country`), `[0]` (that item) and `[*]` (each item):
`lines[*].price`. A name with other characters than letters, digits, `_` and `-` is written `["like this"]`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

Schema: TypeAlias = Mapping[str, Any]

MAX_PATH = 200
MAX_DEPTH = 5
"""How deep the fields are listed that people may choose from."""
MAX_FIELDS = 200

_FIRST = re.compile(r'([\w-]+)|\["([^"\\]+)"\]')
_NEXT = re.compile(r'\.([\w-]+)|\["([^"\\]+)"\]|\[(\d{1,6})\]|\[(\*)\]')


class Each:
    """The step `[*]`: each item of a list, each value of an object."""


EACH = Each()
Step: TypeAlias = "str | int | Each"


class Kind(StrEnum):
    """What a field holds, as far as conditions tell values apart."""

    NUMBER = "number"
    TEXT = "text"
    BOOLEAN = "boolean"
    DATE = "date"
    MOMENT = "moment"
    TIME = "time"
    UUID = "uuid"
    LIST = "list"
    OBJECT = "object"
    ANY = "any"


FORMATS = {"date": Kind.DATE, "date-time": Kind.MOMENT, "time": Kind.TIME, "uuid": Kind.UUID}
TYPES = {
    "integer": Kind.NUMBER,
    "number": Kind.NUMBER,
    "boolean": Kind.BOOLEAN,
    "array": Kind.LIST,
    "object": Kind.OBJECT,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """What a schema says of one path. `choices`: all values there are, if they are few; `nullable`: null is one."""

    kinds: frozenset[Kind]
    choices: tuple[Any, ...] = ()
    nullable: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One path that a condition can be about, with the author's description."""

    path: str
    place: Place
    description: str = ""


def parse_path(text: str) -> tuple[Step, ...]:
    """The steps of a path. Raises ValueError that says how a path is written."""
    if len(text) > MAX_PATH:
        raise ValueError(f"A path has at most {MAX_PATH} characters.")
    match, steps = _FIRST.match(text), list[Step]()
    while match is not None:
        name, quoted, *rest = match.groups()
        index, star = rest or (None, None)
        steps.append(EACH if star else int(index) if index is not None else name or quoted)
        if match.end() == len(text):
            return tuple(steps)
        match = _NEXT.match(text, match.end())
    raise ValueError(f"“{text}” is no path: write it like amount, customer.country, lines[0].price or lines[*].price.")


def has_each(text: str) -> bool:
    """Whether this path leads to each item of a list, and so perhaps to many values."""
    return any(step is EACH for step in parse_path(text))


def values_at(value: Any, steps: tuple[Step, ...]) -> Iterator[Any]:
    """What stands at this path: one value, or as many as `[*]` finds. What is not there is None, as what is not set."""
    if not steps:
        yield value
        return
    step, rest = steps[0], steps[1:]
    if isinstance(step, Each):
        items = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
        for item in items:
            yield from values_at(item, rest)
    elif isinstance(step, int):
        yield from values_at(value[step] if isinstance(value, list) and step < len(value) else None, rest)
    else:
        yield from values_at(value.get(step) if isinstance(value, dict) else None, rest)


def place_at(schema: Schema, steps: tuple[Step, ...]) -> Place | None:
    """What the schema says of this path; None if it has no such field."""
    found = list(_variants(schema, schema))
    for step in steps:
        found = [variant for each in found for inner in _inner(each, step) for variant in _variants(inner, schema)]
    return _place(found) if found else None


def fields_of(schema: Schema) -> list[Field]:
    """The paths that people may choose from, in the order of the schema; of deep or endless schemas the first."""
    found: list[Field] = []
    _collect(schema, schema, "", "", found, 0)
    return found


def _collect(part: Schema, whole: Schema, path: str, description: str, found: list[Field], depth: int) -> None:
    variants = list(_variants(part, whole))
    if path and variants and len(found) < MAX_FIELDS:
        found.append(Field(path=path, place=_place(variants), description=description))
    if depth >= MAX_DEPTH or len(found) >= MAX_FIELDS:
        return
    for variant in variants:
        for name, inner in _properties(variant).items():
            written = name if re.fullmatch(r"[\w-]+", name) else f'["{name}"]'
            joined = f"{path}.{written}" if path and not written.startswith("[") else f"{path}{written}"
            if '"' not in name and "\\" not in name and joined not in {field.path for field in found}:
                _collect(inner, whole, joined, str(inner.get("description", "")), found, depth + 1)
        if isinstance(items := variant.get("items"), Mapping):
            _collect(items, whole, f"{path}[*]", str(items.get("description", "")), found, depth + 1)


def _variants(part: Schema, whole: Schema, seen: frozenset[str] = frozenset()) -> Iterator[Schema]:
    """The schema itself, or those it refers to or is a union of."""
    reference = part.get("$ref")
    if isinstance(reference, str):
        if reference not in seen:
            name = reference.rpartition("/")[2]
            yield from _variants(whole.get("$defs", {}).get(name, {}), whole, seen | {reference})
        return
    for union in ("anyOf", "oneOf", "allOf"):
        if isinstance(options := part.get(union), list) and options:
            for option in options:
                yield from _variants(option, whole, seen)
            return
    kinds = part.get("type")
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        yield part if kind == kinds else {**part, "type": kind}


def _inner(part: Schema, step: Step) -> Iterator[Schema]:
    """The schemas of what stands at this step."""
    if _is_free(part):
        yield {}
    elif isinstance(step, str):
        properties, rest = _properties(part), part.get("additionalProperties")
        if step in properties:
            yield properties[step]
        elif isinstance(rest, Mapping) or rest is True:
            yield rest if isinstance(rest, Mapping) else {}
    else:
        yield from _items(part, step)


def _items(part: Schema, step: "int | Each") -> Iterator[Schema]:
    items, firsts, rest = part.get("items"), part.get("prefixItems") or [], part.get("additionalProperties")
    if isinstance(step, Each):
        yield from firsts
        if part.get("type") == "object" and isinstance(rest, Mapping):
            yield rest
    elif step < len(firsts):
        yield firsts[step]
        return
    if isinstance(items, Mapping):
        yield items
    elif part.get("type") == "array" and not firsts:
        yield {}


def _is_free(part: Schema) -> bool:
    """Whether anything may stand here, as under `Any`."""
    return not any(key in part for key in ("type", "enum", "const", "properties"))


def _properties(part: Schema) -> Mapping[str, Schema]:
    properties = part.get("properties")
    return properties if isinstance(properties, Mapping) else {}


def _place(variants: list[Schema]) -> Place:
    values = [variant for variant in variants if not _is_null(variant)]
    choices = [_choices(variant) for variant in values]
    few = bool(choices) and all(choices)
    kinds = frozenset(_kind(variant) for variant in values)
    if kinds == {Kind.NUMBER, Kind.TEXT} and any(variant.get("type") == "number" for variant in values):
        kinds = frozenset({Kind.NUMBER})  # how pydantic describes a Decimal
    return Place(
        kinds=kinds,
        choices=tuple(dict.fromkeys(item for some in choices for item in some if item is not None)) if few else (),
        nullable=len(values) < len(variants) or any(None in some for some in choices),
    )


def _is_null(part: Schema) -> bool:
    return part.get("type") == "null" or ("const" in part and part["const"] is None)


def _choices(part: Schema) -> list[Any]:
    if "const" in part:
        return [part["const"]]
    found = part.get("enum")
    if part.get("type") == "boolean" and not found:
        return [True, False]
    return found if isinstance(found, list) else []


def _kind(part: Schema) -> Kind:
    given = part.get("type")
    if given == "string":
        return FORMATS.get(str(part.get("format")), Kind.TEXT)
    if given in TYPES:
        return TYPES[given]
    kinds = {_kind_of(value) for value in _choices(part)}
    return kinds.pop() if len(kinds) == 1 else Kind.ANY


def _kind_of(value: Any) -> Kind:
    match value:
        case bool():
            return Kind.BOOLEAN
        case int() | float():
            return Kind.NUMBER
        case str():
            return Kind.TEXT
        case _:
            return Kind.ANY
