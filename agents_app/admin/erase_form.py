"""The form that erases what runs hold of a person."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from agents_app.selectors.people import name_of, user_named
from agents_app.services import Erasure, erase_user


class EraseForm(forms.Form):
    """Filled in once to be told what would go, and sent again to do it: with the same person, typed a second time."""

    username = forms.CharField(label=_("User"), help_text=_("The name of the person, as they log in."))
    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        help_text=_("Recorded in each run: name a request or a ticket, not the person."),
    )
    cancel = forms.BooleanField(
        label=_("Cancel runs that have not ended"),
        required=False,
        help_text=_("Without it they are refused, and nothing is erased."),
    )
    confirm = forms.CharField(
        label=_("Type the name once more to erase"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def clean_username(self) -> Any:
        """The person."""
        user = user_named(self.cleaned_data["username"].strip())
        if user is None:
            raise forms.ValidationError(_("There is no such user."))
        return user

    def clean(self) -> dict[str, Any]:
        """Who confirms must mean the one that was shown."""
        given: dict[str, Any] = super().clean() or {}
        confirm, user = given.get("confirm", "").strip(), given.get("username")
        if confirm and user is not None and confirm != name_of(user):
            self.add_error("confirm", _("This is not the name above: nothing was erased."))
        return given

    @property
    def confirmed(self) -> bool:
        """Whether the name was typed a second time."""
        return bool(self.cleaned_data.get("confirm"))

    def erase(self, *, by: Any, dry_run: bool = False) -> Erasure:
        """Do it, or say what it would do. Raises what the service raises."""
        given = self.cleaned_data
        return erase_user(given["username"], by=by, reason=given["reason"], cancel=given["cancel"], dry_run=dry_run)
