"""One form field per JSON schema: what people type becomes the JSON value that the schema asks for.

Anything without a widget of its own (objects, lists, odd unions) is edited as JSON text. The tool stays the judge of
what is valid; these fields only turn texts into values and say where that is impossible.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext

from agents_app.admin.displays import plain

Schema = Mapping[str, Any]
INTEGER = re.compile(r"[+-]?[0-9]+")
SHORT_TEXT = 60
LONG_TEXT = 200
MAX_ROWS = 14


class Kind(StrEnum):
    TEXT = "text"
    DATE = "date"
    INTEGER = "integer"
    NUMBER = "number"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    JSON = "json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """What a schema asks for. `choices` are JSON values; `nullable`: null is allowed beside them; `long`: a text that
    may need several lines."""

    kind: Kind
    nullable: bool = False
    choices: tuple[Any, ...] = ()
    long: bool = False


def shape_of(schema: Schema, definitions: Mapping[str, Schema], *, depth: int = 0) -> Shape:
    """Look through references and unions with null."""
    if "$ref" in schema and depth < 20:
        name = str(schema["$ref"]).rpartition("/")[2]
        return shape_of(definitions.get(name, {}), definitions, depth=depth + 1)
    options = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
    if isinstance(options, list) and options and depth < 20:
        return _union(options, definitions, depth)
    if "const" in schema or isinstance(schema.get("enum"), list):
        return _choice(schema.get("enum", [schema.get("const")]))
    return _simple(schema)


def _union(options: list[Schema], definitions: Mapping[str, Schema], depth: int) -> Shape:
    values = [option for option in options if option.get("type") != "null"]
    nullable = len(values) < len(options)
    if len(values) == 1:
        inner = shape_of(values[0], definitions, depth=depth + 1)
        return replace(inner, nullable=nullable or inner.nullable)
    # How pydantic describes a Decimal: a number, or a string of digits.
    if {option.get("type") for option in values} == {"number", "string"}:
        return Shape(kind=Kind.DECIMAL, nullable=nullable)
    return Shape(kind=Kind.JSON, nullable=nullable)


def _choice(values: list[Any]) -> Shape:
    return Shape(kind=Kind.CHOICE, nullable=None in values, choices=tuple(item for item in values if item is not None))


def _simple(schema: Schema) -> Shape:
    kind = schema.get("type")
    nullable = isinstance(kind, list) and "null" in kind
    if isinstance(kind, list):
        rest = [item for item in kind if item != "null"]
        kind = rest[0] if len(rest) == 1 else None
    match kind:
        case "string":
            text = Kind.DATE if schema.get("format") == "date" else Kind.TEXT
            return Shape(kind=text, nullable=nullable, long=_is_long(schema.get("maxLength")))
        case "boolean" | "integer" | "number":
            return Shape(kind=Kind(kind), nullable=nullable)
    return Shape(kind=Kind.JSON, nullable=nullable)


def _is_long(limit: Any) -> bool:
    return isinstance(limit, int) and limit > LONG_TEXT


def field_for(shape: Shape, value: Any, **options: Any) -> forms.Field:
    """The form field of a shape; `value` is what it will show first and decides how large it is."""
    if shape.kind is Kind.CHOICE or (shape.kind is Kind.BOOLEAN and shape.nullable):
        return ChoiceValue(shape, value, **options)
    if shape.kind is Kind.BOOLEAN:
        return forms.BooleanField(required=False, **options)
    return TextValue(shape, value, **options)


def first_shown(shape: Shape, value: Any) -> Any:
    """What a field shows of a JSON value: the form's initial."""
    if shape.kind is Kind.CHOICE or (shape.kind is Kind.BOOLEAN and shape.nullable):
        return json.dumps(value)
    if shape.kind is Kind.BOOLEAN:
        return bool(value)
    return "" if value is None else plain(value)


class ChoiceValue(forms.ChoiceField):
    """The options' values are JSON text, so that 1 and "1" stay apart."""

    def __init__(self, shape: Shape, value: Any, **options: Any) -> None:
        values = list(shape.choices) if shape.kind is Kind.CHOICE else [True, False]
        if value is not None and value not in values:
            values.insert(0, value)
        choices = [(json.dumps(item), _label(item)) for item in values]
        if shape.nullable or value is None:
            choices.insert(0, ("null", "–"))
        super().__init__(choices=choices, required=False, **options)

    def clean(self, value: Any) -> Any:
        """The chosen JSON value."""
        return json.loads(super().clean(value) or "null")


def _label(value: Any) -> str:
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    return plain(value)


class TextValue(forms.CharField):
    """Text for everything else; an empty one is null where the schema allows null."""

    def __init__(self, shape: Shape, value: Any, **options: Any) -> None:
        self.shape = shape
        super().__init__(required=False, strip=False, widget=_widget(shape, value), **options)

    def clean(self, value: Any) -> Any:
        """The JSON value that the text means. Raises ValidationError if it means none."""
        text = lines(value)
        if self.shape.kind is Kind.TEXT:
            return None if text == "" and self.shape.nullable else text
        text = text.strip()
        if text == "" and self.shape.nullable:
            return None
        return _READERS[self.shape.kind](text)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Browsers send line ends of their own; they are no change."""
        return lines(initial) != lines(data)


def lines(text: Any) -> str:
    """A text with one kind of line end."""
    return str(text or "").replace("\r\n", "\n").replace("\r", "\n")


def _read_integer(text: str) -> int:
    if not INTEGER.fullmatch(text) or len(text) > 100:
        raise ValidationError(gettext("Enter a whole number."))
    return int(text)


def _read_number(text: str) -> int | float:
    if INTEGER.fullmatch(text) and len(text) <= 100:
        return int(text)
    try:
        number = float(text)
    except ValueError:
        raise ValidationError(gettext("Enter a number, like 12.5.")) from None
    if number != number or number in (float("inf"), float("-inf")):
        raise ValidationError(gettext("Enter a number, like 12.5."))
    return number


def _read_needed(text: str) -> str:
    if not text:
        raise ValidationError(gettext("This field is required."))
    return text


def _read_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        text = gettext("This is not valid JSON.")
        if isinstance(error, json.JSONDecodeError):
            place = {"line": error.lineno, "column": error.colno}
            text = gettext("This is not valid JSON (line %(line)s, column %(column)s).") % place
        raise ValidationError(text) from None


_READERS = {
    Kind.INTEGER: _read_integer,
    Kind.NUMBER: _read_number,
    Kind.DECIMAL: _read_needed,
    Kind.DATE: _read_needed,
    Kind.JSON: _read_json,
}


def _widget(shape: Shape, value: Any) -> forms.Widget:
    attributes = {"autocomplete": "off", "class": f"aa-input aa-{shape.kind}"}
    if shape.kind in (Kind.INTEGER, Kind.NUMBER, Kind.DECIMAL):
        mode = "numeric" if shape.kind is Kind.INTEGER else "decimal"
        return forms.TextInput(attrs={**attributes, "inputmode": mode})
    if shape.kind is Kind.DATE:
        return forms.TextInput(attrs={**attributes, "placeholder": "YYYY-MM-DD"})
    text = "" if value is None else plain(value)
    short = len(text) <= SHORT_TEXT and "\n" not in text and "\r" not in text
    if shape.kind is Kind.TEXT and short and not shape.long:
        return forms.TextInput(attrs=attributes)
    rows = min(max(text.count("\n") + 1, len(text) // SHORT_TEXT + 1, 2), MAX_ROWS)
    extra = {"spellcheck": "false"} if shape.kind is Kind.JSON else {}
    return forms.Textarea(attrs={**attributes, **extra, "rows": rows})
