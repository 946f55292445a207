"""The kill switch: what is and was switched off, and the form that does it."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy

from agents_app.admin.base import ReadOnlyAdmin
from agents_app.admin.columns import column
from agents_app.admin.displays import time_tag
from agents_app.definitions.registry import registry
from agents_app.exceptions import AgentsError
from agents_app.models import KillSwitch
from agents_app.selectors.people import DECIDE, VIEW_RUN
from agents_app.selectors.switches import STOP, VIEW_SWITCH, may_stop, may_view_switches, visible_switches
from agents_app.services import switch_off, switch_on


class SwitchOffForm(forms.Form):
    """What to switch off, and why."""

    agent = forms.ChoiceField(required=False, label=gettext_lazy("Agent"))
    tool = forms.ChoiceField(required=False, label=gettext_lazy("Tool"))
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("Staff and the agents read it."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        definitions = registry.all()
        tools = sorted({name for definition in definitions for name in definition.tools})
        agents: Any = self.fields["agent"]
        agents.choices = [("", gettext("All agents")), *((each.name, each.name) for each in definitions)]
        chosen: Any = self.fields["tool"]
        chosen.choices = [("", gettext("All tools")), *((name, name) for name in tools)]


class KillSwitchAdmin(ReadOnlyAdmin):
    """For those with `stop_agents`; who watches runs or decides may look."""

    seen_with = (VIEW_SWITCH, STOP, VIEW_RUN, DECIDE)
    page_template = "agents_app/switch.html"
    change_list_template = "agents_app/switches.html"
    nothing_yet = gettext_lazy(
        "Nothing is switched off. “Switch off” holds back every call, those of one agent, or those of one "
        "tool, until somebody switches it on again."
    )
    list_display = ["what", "state", column("reason", gettext_lazy("reason")), "off_by", "since", "on_by", "until"]
    list_display_links = None

    def may_list(self, user: Any) -> bool:
        return may_view_switches(user)

    def visible_rows(self, user: Any) -> "QuerySet[KillSwitch]":
        return visible_switches(user)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        may = may_stop(request.user)
        extra = {"off_url": self.links.to("killswitch_off") if may else ""}
        return super().changelist_view(request, {**extra, **(extra_context or {})})

    def own_urls(self) -> list[URLPattern]:
        return [
            self.own_url("off/", self.off_view, "off"),
            self.own_url("<path:key>/on/", self.on_view, "on"),
        ]

    def off_view(self, request: HttpRequest) -> HttpResponse:
        """The form, and switching off."""
        self.require(may_stop(request.user), STOP)
        form = SwitchOffForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                row = switch_off(by=request.user, **form.cleaned_data)
            except AgentsError as error:
                form.add_error(None, gettext(error.message))
            else:
                messages.success(request, gettext("Switched off: %(row)s.") % {"row": row})
                return HttpResponseRedirect(self.links.row("killswitch", row.pk))
        return self.rendered(request, "agents_app/switch_off.html", title=gettext("Switch off"), form=form)

    def on_view(self, request: HttpRequest, key: str) -> HttpResponse:
        """Let calls start again."""
        self.require(may_stop(request.user), STOP)
        row = self.found(request, key)
        if request.method == "POST":
            try:
                switch_on(row.pk, by=request.user, reason=request.POST.get("reason", ""))
            except AgentsError as error:
                self.tell(request, error)
            else:
                messages.success(request, gettext("Switched on: %(row)s.") % {"row": row})
        return HttpResponseRedirect(self.links.row("killswitch", row.pk))

    @admin.display(description=gettext_lazy("what"))
    def what(self, row: KillSwitch) -> SafeString:
        return self.links.anchor("killswitch", row.pk, str(row))

    @admin.display(description=gettext_lazy("state"))
    def state(self, row: KillSwitch) -> SafeString:
        tone, label = ("bad", gettext("Off")) if row.on_at is None else ("good", gettext("On"))
        return format_html('<span class="aa-badge aa-{}">{}</span>', tone, label)

    @admin.display(description=gettext_lazy("since"), ordering="off_at")
    def since(self, row: KillSwitch) -> SafeString:
        return time_tag(row.off_at)

    @admin.display(description=gettext_lazy("until"))
    def until(self, row: KillSwitch) -> SafeString:
        return time_tag(row.on_at)

    def page_context(self, request: HttpRequest, row: KillSwitch) -> dict[str, Any]:
        facts = [
            (gettext("State"), self.state(row)),
            (gettext("Reason"), row.reason),
            (gettext("Switched off by"), row.off_by),
            (gettext("Since"), time_tag(row.off_at)),
            (gettext("Switched on by"), row.on_by),
            (gettext("Until"), time_tag(row.on_at) if row.on_at else ""),
            (gettext("Reason to switch on"), row.on_reason),
        ]
        may = row.on_at is None and may_stop(request.user)
        return {
            "title": gettext("Kill switch: %(row)s") % {"row": row},
            "facts": [(name, value) for name, value in facts if value != ""],
            "on_url": self.links.to("killswitch_on", row.pk) if may else "",
        }
