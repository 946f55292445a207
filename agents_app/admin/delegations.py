"""Who decides in whose place: one's own delegations, and those to oneself; all of them for who manages them."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy

from agents_app.admin.base import ReadOnlyAdmin
from agents_app.admin.displays import excerpt, time_tag
from agents_app.admin.icons import icon
from agents_app.admin.revealed import revealed
from agents_app.exceptions import AgentsError
from agents_app.models import Delegation, database_now
from agents_app.selectors.colleagues import colleagues_of
from agents_app.selectors.delegations import DelegationState, key_of, state_of, visible_delegations
from agents_app.selectors.people import DECIDE, MANAGE_DELEGATIONS
from agents_app.services import delegate, revoke_delegation
from agents_app.services.delegating import may_delegate, may_manage, may_revoke

STATES = {
    DelegationState.PLANNED: ("waiting", "clock", gettext_lazy("Planned")),
    DelegationState.ACTIVE: ("active", "check", gettext_lazy("In force")),
    DelegationState.OVER: ("quiet", "circle", gettext_lazy("Over")),
    DelegationState.REVOKED: ("quiet", "stop", gettext_lazy("Revoked")),
}
"""Tone, icon and label."""


class MomentInput(forms.DateTimeInput):
    """A browser's own field for a day and a time; without scripts, too."""

    def __init__(self) -> None:
        super().__init__(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


class PersonInput(forms.TextInput):
    """The name of a person, with some suggestions."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"})
        self.names = names

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["widget"]["attrs"]["list"] = f"{name}-names"
        return context

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        options = format_html_join("", '<option value="{}"></option>', ((each,) for each in self.names))
        suggested = format_html('<datalist id="{}-names">{}</datalist>', name, options)
        return format_html("{}{}", super().render(name, value, attrs, renderer), suggested)


class DelegateForm(forms.Form):
    """To whom, for how long, and why."""

    giver = forms.CharField(label=gettext_lazy("Whose decisions"), max_length=254, required=False)
    to = forms.CharField(label=gettext_lazy("Who decides instead"), max_length=254)
    since = forms.DateTimeField(
        label=gettext_lazy("From"), required=False, widget=MomentInput, help_text=gettext_lazy("Now, if left empty.")
    )
    until = forms.DateTimeField(
        label=gettext_lazy("Until"), widget=MomentInput, help_text=gettext_lazy("A year at the most.")
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"), required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, user: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = colleagues_of(user)
        self.fields["to"].widget = PersonInput(names)
        self.fields["giver"].widget = PersonInput(names)
        self.fields["giver"].help_text = gettext_lazy("Your own, if left empty.")
        if not may_manage(user):
            del self.fields["giver"]

    def values(self) -> dict[str, Any]:
        """As the command takes them."""
        given = {**self.cleaned_data, "since": self.cleaned_data["since"] or None}
        return {**given, "giver": given.get("giver") or None}


class DelegationAdmin(ReadOnlyAdmin):
    """For all who decide: one's own, and those to oneself."""

    seen_with = (DECIDE, MANAGE_DELEGATIONS)
    page_template = "agents_app/delegation.html"
    change_list_template = "agents_app/delegations.html"
    nothing_yet = gettext_lazy(
        "Nobody decides for somebody else. “Delegate” lets a colleague decide in your place for a while."
    )
    list_display = ["who", "state", "begins", "ends", "why"]
    list_display_links = None
    search_fields = ["giver_name", "receiver_name"]
    ordering = ["-id"]

    def may_list(self, user: Any) -> bool:
        return may_delegate(user)

    def visible_rows(self, user: Any) -> "QuerySet[Delegation]":
        rows: QuerySet[Delegation] = visible_delegations(user)
        return rows

    def own_urls(self) -> list[URLPattern]:
        return [
            self.own_url("make/", self.make_view, "make"),
            self.own_url("<uuid:delegation_id>/revoke/", self.revoke_view, "revoke"),
        ]

    # The list.

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        extra = {"make_url": self.links.to("delegation_make"), "search_label": gettext("Search by a person's name")}
        if not may_manage(request.user):
            extra["title"] = gettext("My delegations")
        return super().changelist_view(request, {**extra, **(extra_context or {})})

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list, with each row knowing what time it is."""
        changes = super().get_changelist_instance(request)
        now, mine = database_now(), key_of(request.user)
        for row in changes.result_list:
            row.now, row.mine = now, mine
        return changes

    @admin.display(description=gettext_lazy("who for whom"))
    def who(self, row: Any) -> SafeString:
        return self.links.anchor("delegation", row.pk, sentence(row, row.mine))

    @admin.display(description=gettext_lazy("state"))
    def state(self, row: Any) -> SafeString:
        return state_badge(row, row.now)

    @admin.display(description=gettext_lazy("from"))
    def begins(self, row: Delegation) -> SafeString:
        return time_tag(row.begins_at)

    @admin.display(description=gettext_lazy("until"))
    def ends(self, row: Delegation) -> SafeString:
        return time_tag(row.ends_at)

    @admin.display(description=gettext_lazy("reason"), empty_value="–")
    def why(self, row: Delegation) -> str:
        return revealed(excerpt(row.reason, 100))

    # One of them.

    def page_context(self, request: HttpRequest, row: Delegation) -> dict[str, Any]:
        facts = [
            (gettext("State"), state_badge(row, database_now())),
            (gettext("Whose decisions"), row.giver_name),
            (gettext("Who decides instead"), row.receiver_name),
            (gettext("From"), time_tag(row.begins_at)),
            (gettext("Until"), time_tag(row.ends_at)),
            (gettext("Reason"), row.reason),
            (gettext("Made"), format_html("{}, {}", time_tag(row.made_at), row.made_by_name)),
        ]
        if row.revoked_at:
            revoked = format_html("{}, {}", time_tag(row.revoked_at), row.revoked_by_name)
            facts.append((gettext("Revoked"), revoked))
        open_still = state_of(row, database_now()) in (DelegationState.ACTIVE, DelegationState.PLANNED)
        return {
            "title": sentence(row, key_of(request.user)),
            "facts": [(name, value) for name, value in facts if value != ""],
            "revoke_url": self.links.to("delegation_revoke", row.pk)
            if open_still and may_revoke(request.user, row)
            else "",
        }

    def make_view(self, request: HttpRequest) -> HttpResponse:
        """The form, and delegating."""
        self.require(may_delegate(request.user), *self.seen_with)
        form, status = DelegateForm(request.user, request.POST or None), 200
        if request.method == "POST" and form.is_valid():
            try:
                row = delegate(by=request.user, **form.values())
            except AgentsError as error:
                form.add_error(FIELD_OF.get(error.code), error.message)
                status = error.http_status
            else:
                told = {"what": sentence(row, key_of(request.user))}
                messages.success(request, gettext("Delegated: %(what)s.") % told)
                return HttpResponseRedirect(self.links.to("delegation_changelist"))
        title = gettext("Let somebody decide in your place")
        return self.rendered(request, "agents_app/delegate.html", status=status, title=title, form=form)

    def revoke_view(self, request: HttpRequest, delegation_id: Any) -> HttpResponse:
        """End it now."""
        row = self.found(request, str(delegation_id))
        if request.method == "POST":
            try:
                revoke_delegation(row.pk, by=request.user)
            except AgentsError as error:
                self.tell(request, error)
            else:
                messages.success(request, gettext("It has ended."))
        return HttpResponseRedirect(self.links.row("delegation", row.pk))


FIELD_OF = {"same_person": "to", "cannot_decide": "to", "period": "until"}
"""Where the errors of the command are shown, by their code."""


def sentence(row: Delegation, mine: str) -> str:
    """Who decides for whom, to the person with this key."""
    names = {"giver": row.giver_name, "receiver": row.receiver_name}
    if mine == row.giver_key:
        return gettext("%(receiver)s decides for you") % names
    if mine == row.receiver_key:
        return gettext("You decide for %(giver)s") % names
    return gettext("%(receiver)s decides for %(giver)s") % names


def state_badge(row: Delegation, now: datetime) -> SafeString:
    """How it stands."""
    tone, name, label = STATES[state_of(row, now)]
    return format_html('<span class="aa-badge aa-{}">{}{}</span>', tone, icon(name), label)
