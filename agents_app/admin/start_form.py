"""The form that starts a run."""

from typing import Any
from uuid import uuid4

from django import forms
from django.contrib.auth import get_user_model
from django.http import QueryDict
from django.utils.translation import gettext, gettext_lazy

from agents_app.admin.displays import PRIORITIES
from agents_app.admin.json_object_field import JSONObjectField
from agents_app.core.priority import Priority
from agents_app.definitions.registry import registry
from agents_app.exceptions import AgentsError
from agents_app.selectors.people import CONTROL, name_of
from agents_app.services import Run, start_run


class StartForm(forms.Form):
    """`token` makes a second click give the first one's run."""

    agent = forms.ChoiceField(label=gettext_lazy("Agent"))
    input = forms.CharField(
        label=gettext_lazy("Input"),
        widget=forms.Textarea(attrs={"rows": 5, "class": "vLargeTextField"}),
        strip=False,
        help_text=gettext_lazy("What the agent is asked to do."),
    )
    username = forms.CharField(
        label=gettext_lazy("User"),
        required=False,
        help_text=gettext_lazy("Whose run it is: who sees it and answers its questions. May be empty."),
    )
    session = forms.CharField(
        label=gettext_lazy("Session"),
        required=False,
        help_text=gettext_lazy("The key of a conversation that several runs share. May be empty."),
    )
    priority = forms.ChoiceField(
        label=gettext_lazy("Priority"),
        required=False,
        choices=[
            ("", gettext_lazy("The agent's own")),
            *((priority.value, PRIORITIES[priority]) for priority in Priority),
        ],
        help_text=gettext_lazy("Which runs are taken first when more is due than workers can drive."),
    )
    without_memory = forms.BooleanField(
        label=gettext_lazy("Without memory"),
        required=False,
        help_text=gettext_lazy("The agent is told nothing of earlier runs."),
    )
    without_knowledge = forms.BooleanField(
        label=gettext_lazy("Without knowledge"),
        required=False,
        help_text=gettext_lazy("The agent looks nothing up."),
    )
    metadata = JSONObjectField(
        label=gettext_lazy("Metadata"),
        required=False,
        help_text=gettext_lazy("A JSON object for your own use. May be empty."),
    )
    token = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, person: Any, data: QueryDict | None = None) -> None:
        self.person = person
        self.agents = registry.all()
        super().__init__(data, initial={"username": name_of(person), "token": uuid4().hex})
        agent = self.fields["agent"]
        assert isinstance(agent, forms.ChoiceField)
        agent.choices = [(definition.name, definition.name) for definition in self.agents]

    def clean_username(self) -> Any:
        """The user of this name, None for a run without one."""
        name = self.cleaned_data["username"].strip()
        if name != self.person.get_username() and not self.person.has_perm(CONTROL):
            raise forms.ValidationError(
                gettext("To start a run that is not yours you need the permission %(permission)s.")
                % {"permission": CONTROL}
            )
        if not name:
            return None
        users = get_user_model()
        try:
            return users._default_manager.get_by_natural_key(name)
        except users.DoesNotExist:
            raise forms.ValidationError(gettext("There is no user of this name.")) from None

    def start(self) -> Run[Any] | None:
        """Start the run; None with an error on the form if that cannot be done."""
        given = self.cleaned_data
        try:
            return start_run(
                given["agent"],
                given["input"],
                user=given["username"],
                session=given["session"].strip() or None,
                metadata=given["metadata"],
                priority=given["priority"] or None,
                memory=False if given["without_memory"] else None,
                knowledge=False if given["without_knowledge"] else None,
                idempotency_key=given["token"] or None,
                by=self.person,
            )
        except AgentsError as error:
            self.add_error(None, gettext(error.message))
            return None
