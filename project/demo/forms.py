"""What a customer fills in: a request to the agent, and answers to its questions."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from django import forms

from agents_app.models import InputRequest

PREFIX = "answer"


class StartForm(forms.Form):
    """A new request. The key makes a double click one run."""

    input = forms.CharField(
        label="How can we help?",
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "Where is my order A-1004?"}),
    )
    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4, required=False)


class AnswerForm(forms.Form):
    """Fields for a question: one text, or one field per plain property of its schema, else JSON.

    The service judges the answer by the schema; this only brings it into shape.
    """

    def __init__(self, request: InputRequest, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, prefix=f"{PREFIX}-{request.pk}")
        self.request = request
        for name, schema, required in _parts(request.schema):
            self.fields[name] = _field(name, schema, required)

    def answer(self) -> Any:
        """The answer as JSON values; call it on a valid form."""
        parts = list(_parts(self.request.schema))
        if [name for name, _, _ in parts] == [PREFIX]:
            return self.cleaned_data[PREFIX]
        return {name: value for name, _, _ in parts if (value := self.cleaned_data[name]) not in (None, "")}


def _parts(schema: Any) -> list[tuple[str, dict[str, Any], bool]]:
    """(name, schema, required) of each field."""
    schema = schema if isinstance(schema, dict) else {"type": "string"}
    properties = schema.get("properties")
    if schema.get("type") != "object" or not isinstance(properties, dict) or not properties:
        return [(PREFIX, {"title": "Your answer", **schema}, True)]
    required = schema.get("required") or []
    return [(name, part if isinstance(part, dict) else {}, name in required) for name, part in properties.items()]


def _field(name: str, schema: dict[str, Any], required: bool) -> forms.Field:
    options: dict[str, Any] = {
        "label": schema.get("title") or name.replace("_", " ").capitalize(),
        "help_text": schema.get("description", ""),
        "required": required,
    }
    if isinstance(schema.get("enum"), list):
        choices = [(json.dumps(value), str(value)) for value in schema["enum"]]
        return forms.TypedChoiceField(choices=choices, coerce=json.loads, empty_value=None, **options)
    match schema.get("type"):
        case "string":
            widget = None if name != PREFIX else forms.Textarea(attrs={"rows": 2})
            return forms.CharField(widget=widget, max_length=10_000, **options)
        case "integer":
            return forms.IntegerField(**options)
        case "number":
            return forms.FloatField(**options)
        case "boolean":
            return forms.BooleanField(**{**options, "required": False})
    options["help_text"] = options["help_text"] or "As JSON."
    return forms.JSONField(widget=forms.Textarea(attrs={"rows": 3}), **options)
