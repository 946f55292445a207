"""What may be corrected of what agents remember."""

import json
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from agents_app.core.memory import Visibility


def _area(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


class IndentedJSONField(forms.JSONField):
    """An object as people read it: one member in each line."""

    def __init__(self, rows: int, **options: Any) -> None:
        widget = forms.Textarea(attrs={"rows": rows, "class": "aa-json", "spellcheck": "false"})
        super().__init__(widget=widget, **options)

    def prepare_value(self, value: Any) -> Any:
        """What was typed and is no JSON stays as it was typed."""
        if isinstance(value, dict | list):
            return json.dumps(value, ensure_ascii=False, indent=1)
        return super().prepare_value(value)


class WithReason(forms.Form):
    """Says why, for the history."""

    reason = forms.CharField(label=gettext_lazy("Why"), required=False, max_length=1000)

    def values(self) -> dict[str, Any]:
        """As the command takes them."""
        return dict(self.cleaned_data)


VISIBILITIES = {
    Visibility.USER: gettext_lazy("the user, staff, and all agents for them"),
    Visibility.AGENT: gettext_lazy("the user, staff, and this agent for them"),
    Visibility.STAFF: gettext_lazy("staff alone, and no LLM"),
}


class FactForm(WithReason):
    """What may be corrected of a fact."""

    text = forms.CharField(label=gettext_lazy("Text"), max_length=1000, widget=_area(4))
    key = forms.CharField(label=gettext_lazy("Key"), required=False, max_length=100)
    visibility = forms.ChoiceField(
        label=gettext_lazy("Who may see it"), required=False, choices=[*VISIBILITIES.items()]
    )
    valid_until = forms.DateTimeField(
        label=gettext_lazy("Valid until"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": 1}, format="%Y-%m-%dT%H:%M:%S"),
    )
    field_order = ("text", "key", "visibility", "valid_until", "reason")

    def values(self) -> dict[str, Any]:
        """Without who sees it and its end where nobody has touched them: the form knows an end by the second only."""
        given = super().values()
        left = [name for name in ("visibility", "valid_until") if name not in {*self.data} & {*self.changed_data}]
        return {name: value for name, value in given.items() if name not in left}


class EntityForm(WithReason):
    """What may be corrected of an entity."""

    type = forms.CharField(label=gettext_lazy("Type"), max_length=50)
    name = forms.CharField(label=gettext_lazy("Name"), max_length=200)
    attributes = IndentedJSONField(6, label=gettext_lazy("Attributes"), required=False)
    aliases = forms.CharField(
        label=gettext_lazy("Other names"), required=False, widget=_area(2), help_text=gettext_lazy("One in each line.")
    )
    field_order = ("type", "name", "attributes", "aliases", "reason")

    def values(self) -> dict[str, Any]:
        given = super().values()
        return {**given, "attributes": given["attributes"] or {}, "aliases": given["aliases"].splitlines()}


class WorkingForm(WithReason):
    """The whole document, and the version that it was made from."""

    changes = IndentedJSONField(10, label=gettext_lazy("Document"), required=False)
    version = forms.IntegerField(widget=forms.HiddenInput)
    field_order = ("changes", "version", "reason")

    def values(self) -> dict[str, Any]:
        given = super().values()
        return {**given, "changes": given["changes"] or {}, "whole": True}
