"""The form on which a person says what became of a call of unknown outcome."""

from typing import Any

from django import forms
from django.utils.translation import gettext, gettext_lazy

from agents_app.admin.blocks import as_json
from agents_app.core.status import Verdict
from agents_app.definitions.tool_spec import ToolSpec
from agents_app.exceptions import AgentsError

CHOICES = [
    (Verdict.HAPPENED.value, gettext_lazy("It happened")),
    (Verdict.TRY_AGAIN.value, gettext_lazy("It did not happen: try it again")),
    (Verdict.GIVE_UP.value, gettext_lazy("Give it up: the agent is told that the call failed")),
]


class SettleForm(forms.Form):
    """`result` counts only where it happened: JSON, or plain text."""

    verdict = forms.ChoiceField(choices=CHOICES, widget=forms.RadioSelect, label=gettext_lazy("What became of it?"))
    result = forms.CharField(
        label=gettext_lazy("Result"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 3, "class": "aa-json", "spellcheck": "false"}),
        help_text=gettext_lazy(
            "If it happened: what it returned, or would have, as JSON or plain text. The agent reads it."
        ),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("How you know. It is recorded; to give up needs one, which the agent reads."),
    )

    def __init__(self, *arguments: Any, over: bool = False, tool: ToolSpec | None = None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._tool = tool
        if tool is not None and (names := tool.result_fields()):
            about = gettext("It returns an object with: %(names)s.") % {"names": ", ".join(names)}
            self.fields["result"].help_text = f"{self.fields['result'].help_text} {about}"
        verdict = self.fields["verdict"]
        assert isinstance(verdict, forms.ChoiceField)
        if over:
            # The run has ended: what is said now is for the record.
            verdict.choices = [choice for choice in CHOICES if choice[0] != Verdict.TRY_AGAIN]

    def happened_with(self) -> Any:
        """What the tool returned, as JSON values; None if nothing was said."""
        text = self.cleaned_data["result"].strip()
        if self.cleaned_data["verdict"] != Verdict.HAPPENED or not text:
            return None
        value = as_json(text)
        if self._tool is not None and self._tool.result_errors(value) and not self._tool.result_errors(text):
            return text  # 42 and true are texts, too
        return value

    def refuse(self, error: AgentsError) -> bool:
        """Show what the service says of a field there; False if it is about none."""
        field = {"reason_required": "reason", "result_invalid": "result"}.get(error.code)
        if field is not None:
            self.add_error(field, gettext(error.message))
        return field is not None
