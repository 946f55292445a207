"""A form's field for a JSON object of the project's own."""

import json
from typing import Any

from django import forms
from django.utils.translation import gettext


class JSONObjectField(forms.CharField):
    """The object that the text means; empty for an empty text."""

    widget = forms.Textarea(attrs={"rows": 3, "class": "aa-json", "spellcheck": "false"})

    def clean(self, value: Any) -> dict[str, Any]:
        """Raises ValidationError for what is no JSON object."""
        text = super().clean(value).strip()
        try:
            found = json.loads(text) if text else {}
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise forms.ValidationError(gettext('Enter a JSON object, like {"ticket": 4711}.'))
        return found
