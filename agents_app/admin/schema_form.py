"""A form made from a JSON schema: the arguments of a call, or the answer to a question."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext

from agents_app.admin.displays import inline
from agents_app.admin.schema_editor import editor_schema
from agents_app.admin.schema_fields import Kind, Schema, Shape, field_for, first_shown, lines, shape_of
from agents_app.core.labels import humanized
from agents_app.definitions.amounts import currency_of
from agents_app.definitions.markers import Marker, Ref

PREFIX = "argument"
MASK = "***"
WHOLE = "value"
"""The one field of a schema that is no object with named properties."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One parameter as the page shows it. `before`: its value now, where the person typed another."""

    name: str
    label: str
    bound: forms.BoundField | None
    value: str
    before: str | None
    currency: str
    references: tuple[tuple[Ref, Any], ...]
    required: bool
    help_text: str
    hidden: bool
    stored: Any = None
    too_long: bool = False

    @property
    def is_checkbox(self) -> bool:
        """Whether it is one box to tick."""
        return self.bound is not None and isinstance(self.bound.field, forms.BooleanField)


class SchemaForm(forms.Form):
    """`values` are the JSON values shown first; `hidden` parameters are shown as `***` and cannot be changed,
    `kept` ones are shown beside the form and cannot be changed either."""

    def __init__(
        self,
        schema: Schema,
        values: Mapping[str, Any] | None = None,
        *,
        data: QueryDict | None = None,
        hidden: Iterable[str] = (),
        kept: Iterable[str] = (),
        markers: Mapping[str, tuple[Marker, ...]] | None = None,
    ) -> None:
        self.values = dict(values or {})
        self.hidden, self.kept = frozenset(hidden), frozenset(kept)
        self.markers = markers or {}
        properties = schema.get("properties")
        self.is_object = schema.get("type", "object") == "object" and isinstance(properties, dict) and bool(properties)
        self.properties: dict[str, Schema] = dict(properties or {}) if self.is_object else {WHOLE: schema}
        self.needed = set(schema.get("required", ())) if self.is_object else {WHOLE}
        definitions = schema.get("$defs", {})
        self.nested = False
        self.shapes: dict[str, Shape] = {
            name: shape_of(inner, definitions)
            for name, inner in self.properties.items()
            if name not in self.hidden | self.kept
        }
        super().__init__(data, prefix=PREFIX, initial=self._initial())
        for name, shape in self.shapes.items():
            self.fields[name] = field_for(
                shape,
                self.values.get(name),
                label=humanized(name) if name != WHOLE or self.is_object else gettext("Answer"),
                help_text=str(self.properties[name].get("description", "")),
            )
            self._offer_editor(name, shape, definitions)

    def _offer_editor(self, name: str, shape: Shape, definitions: Mapping[str, Schema]) -> None:
        """Let a browser with scripts edit the value part by part; what is sent is its JSON text in any case."""
        if shape.kind is not Kind.JSON:
            return
        found = editor_schema(self.properties[name], definitions, self.values.get(name))
        if found is not None:
            self.nested = True
            self.fields[name].widget.attrs["data-schema"] = json.dumps(found)

    def _initial(self) -> dict[str, Any]:
        shown = {**{name: inner.get("default") for name, inner in self.properties.items()}, **self.values}
        return {name: first_shown(shape, shown.get(name)) for name, shape in self.shapes.items()}

    def edited(self) -> dict[str, Any] | None:
        """All arguments with what was changed, None if nothing was; what nobody touched is kept exactly."""
        changed = {name: self.cleaned_data[name] for name in self.changed_data}
        return {**self.values, **changed} if changed else None

    def answer(self) -> Any:
        """The whole JSON value; optional parts that were left empty are left out."""
        if not self.is_object:
            return self.cleaned_data[WHOLE]
        return {
            name: value for name, value in self.cleaned_data.items() if name in self.needed or value not in (None, "")
        }

    def changes(self) -> list[tuple[str, str, str]]:
        """(label, before, typed) of each parameter that was changed."""
        if not self.is_bound:
            return []
        return [
            (humanized(name), inline(self.values.get(name)), str(self[name].value() or ""))
            for name in self.changed_data
        ]

    def add_errors(self, errors: Iterable[Mapping[str, Any]]) -> None:
        """Put each error at the field of its path's first part, or at the top."""
        for error in errors:
            path, message = [str(part) for part in error.get("path", [])], str(error["message"])
            if not self.is_object:
                path.insert(0, WHOLE)
            name = path[0] if path and path[0] in self.fields else None
            # Parts of a union appear in paths as names of types: they say nothing to people.
            inner = ".".join(part for part in (path[1:] if name else path) if part.isidentifier() or part.isdigit())
            text = f"{inner}: {message}" if inner and not self._is_flat(name) else message
            if name is None or text not in self.errors.get(name, []):
                self.add_error(name, text)
                self._point_at(name, path[1:], message, text)

    def _point_at(self, name: str | None, path: list[str], message: str, text: str) -> None:
        """Tell the editor of a nested value which of its parts is meant; `text` is what the list of errors says."""
        if name is None or not path or self._is_flat(name):
            return
        attributes = self.fields[name].widget.attrs
        known = json.loads(attributes.get("data-errors", "[]"))
        attributes["data-errors"] = json.dumps([*known, {"path": path, "message": message, "text": text}])

    def _is_flat(self, name: str | None) -> bool:
        return name is not None and self.shapes[name].kind != "json"

    def rows(self) -> Iterator[Row]:
        """Each parameter, in the order of the schema."""
        changed = set(self.changed_data) if self.is_bound else set()
        for name, inner in self.properties.items():
            bound = self[name] if name in self.fields else None
            markers = self.markers.get(name, ())
            yield Row(
                name=name,
                label=str(bound.label) if bound else humanized(name),
                bound=bound,
                value=MASK if name in self.hidden else lines(inline(self.values.get(name, ""))),
                before=inline(self.values.get(name)) if name in changed and name in self.values else None,
                currency=currency_of(markers),
                references=() if name in self.hidden else self._references(name),
                required=name in self.needed,
                help_text=str(inner.get("description", "")),
                hidden=name in self.hidden,
                stored=None if name in self.hidden else self.values.get(name),
                too_long=name in self.kept,
            )

    def _references(self, name: str) -> tuple[tuple[Ref, Any], ...]:
        markers = self.markers.get(name, ())
        return tuple((marker, self.values.get(name)) for marker in markers if isinstance(marker, Ref))
