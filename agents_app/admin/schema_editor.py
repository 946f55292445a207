"""What the editor of a nested value is given: a schema without references, which is shown part by part."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext

from agents_app.core.labels import humanized

Schema = Mapping[str, Any]
DEEPEST = 8
MOST_PARTS = 400
"""A value of more parts is edited as JSON text."""
SAFE = 2**53
"""Larger whole numbers lose digits in a browser."""


def editor_schema(schema: Schema, definitions: Mapping[str, Schema], value: Any) -> dict[str, Any] | None:
    """The schema with everything in its place; None where a browser could not show it, or would spoil the value."""
    if not _fits(value):
        return None
    try:
        return _inlined(schema, definitions, DEEPEST)
    except RecursionError:
        return None


def _inlined(schema: Schema, definitions: Mapping[str, Schema], depth: int) -> dict[str, Any]:
    if depth < 0:
        raise RecursionError
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        rest = {key: item for key, item in schema.items() if key != "$ref"}
        return {**_inlined(definitions.get(name, {}), definitions, depth - 1), **rest}
    found = {key: item for key, item in schema.items() if key not in ("$defs", "properties", "items", "default")}
    if isinstance(properties := schema.get("properties"), dict):
        found["properties"] = {
            name: _inlined({"title": humanized(name), **each}, definitions, depth - 1)
            for name, each in properties.items()
        }
    if isinstance(items := schema.get("items"), dict):
        found["items"] = _inlined(items, definitions, depth - 1)
    if isinstance(extra := schema.get("additionalProperties"), dict):
        found |= {"additionalProperties": _inlined(extra, definitions, depth - 1), "x-objectAdd": True}
    options = schema.get("anyOf") or schema.get("oneOf")
    if isinstance(options, list) and options:
        found = _one_of(found, [_inlined(each, definitions, depth - 1) for each in options])
    return found


def _one_of(found: dict[str, Any], options: list[dict[str, Any]]) -> dict[str, Any]:
    """A union, each of its options with a name; a Decimal, which comes as number or digits, is its digits."""
    bare = {key: item for key, item in found.items() if key not in ("anyOf", "oneOf")}
    values = [each for each in options if each.get("type") != "null"]
    if {each.get("type") for each in values} == {"number", "string"}:
        values = [each for each in values if each.get("type") == "string"]
    if len(values) == len(options) == 1 or (len(values) == 1 and len(options) == 2 and _is_decimal(options)):
        return {**values[0], **bare}
    named = [(each, str(each.get("title") or each.get("type") or gettext("value"))) for each in values]
    if any(each.get("type") == "null" for each in options):
        named.append(({"type": "null"}, gettext("nothing")))
    # Only the options' titles are shown: they say whose they are.
    whose = f"{bare['title']}: " if bare.get("title") else ""
    return {**bare, "anyOf": [{**each, "title": f"{whose}{title}"} for each, title in named]}


def _is_decimal(options: list[dict[str, Any]]) -> bool:
    return {each.get("type") for each in options} == {"number", "string"}


def _fits(value: Any) -> bool:
    parts, waiting = 0, [value]
    while waiting:
        item = waiting.pop()
        parts += 1
        if parts > MOST_PARTS or (isinstance(item, int) and abs(item) > SAFE):
            return False
        if isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return True
