"""Standing grants: what is allowed from now on and in whose name, the form that makes one, and ending it."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import SimpleListFilter
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agents_app.admin.base import ReadOnlyAdmin, origin_of
from agents_app.admin.columns import column
from agents_app.admin.condition_rows import ConditionRows, conditions_from
from agents_app.admin.displays import time_tag
from agents_app.admin.links import Links
from agents_app.admin.revealed import revealed
from agents_app.core.conditions import stored_conditions
from agents_app.core.grants import GrantScope, GrantState
from agents_app.core.json_paths import fields_of
from agents_app.definitions.tool_spec import ToolSpec
from agents_app.exceptions import AgentsError, NotFound, NotPermitted
from agents_app.models import (
    ApprovalRequest,
    DatabaseNow,
    StandingGrant,
    ToolCall,
    database_now,
)
from agents_app.selectors.grants import (
    REVOKE_GRANT,
    VIEW_GRANT,
    described_conditions,
    may_revoke,
    may_view_grants,
    visible_grants,
)
from agents_app.selectors.people import (
    DECIDE,
    may_view_run,
    may_view_sensitive,
    not_hidden,
    visible_approvals,
    visible_calls,
)
from agents_app.selectors.runs import one_of
from agents_app.services import make_grant, revoke_grant
from agents_app.services.edits import tool_of
from agents_app.services.grants import ANY, MOST_USES, NEVER, OPEN, grant_problems, may_make, sensitive_of
from agents_app.services.likeness import likeness_of

USES, DAYS = 20, 7
"""What the form begins with."""
CALLS_SHOWN = 20

SCOPES = {
    GrantScope.SESSION: gettext_lazy("in this session"),
    GrantScope.USER: gettext_lazy("in all runs of this user"),
    GrantScope.AGENT: gettext_lazy("in all runs of this agent"),
}
STATES = {
    GrantState.LIVE: ("good", gettext_lazy("Counts")),
    GrantState.USED_UP: ("quiet", gettext_lazy("Used up")),
    GrantState.EXPIRED: ("quiet", gettext_lazy("Expired")),
    GrantState.REVOKED: ("bad", gettext_lazy("Revoked")),
}


class GrantForm(forms.Form):
    """How far the grant goes. What the service refuses is told at its field."""

    scope = forms.ChoiceField(label=gettext_lazy("Where it counts"))
    conditions = forms.Field(
        required=False,
        widget=ConditionRows,
        label=gettext_lazy("Conditions"),
        help_text=gettext_lazy(
            "All must hold. They begin with what this call looks like: loosen what may differ, empty the field of a "
            "row to drop it. Several values are separated by commas."
        ),
    )
    any_arguments = forms.BooleanField(
        required=False, label=gettext_lazy("Whatever the arguments are (only without conditions)")
    )
    uses = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MOST_USES,
        label=gettext_lazy("How many calls"),
        help_text=gettext_lazy("Empty: as many as wanted."),
    )
    expires_at = forms.DateTimeField(
        required=False,
        label=gettext_lazy("Until"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    never = forms.BooleanField(required=False, label=gettext_lazy("It never ends"))
    reason = forms.CharField(required=False, label=gettext_lazy("Why"), widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args: Any, of: ApprovalRequest, tool: ToolSpec, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tool = tool
        there = {GrantScope.SESSION: of.context.session_id, GrantScope.USER: of.context.user_id, GrantScope.AGENT: True}
        chosen: Any = self.fields["scope"]
        chosen.choices = [(str(each), _scope_of(each, of)) for each, key in there.items() if key]
        self.rows.paths = [
            (field.path, f"{field.path} ({', '.join(sorted(field.place.kinds))})")
            for field in fields_of(tool.parameters)
        ]

    @property
    def rows(self) -> ConditionRows:
        """The widget of the conditions."""
        widget: Any = self.fields["conditions"].widget
        return widget  # type: ignore[no-any-return]

    def clean_conditions(self) -> list[dict[str, Any]]:
        """As they are stored."""
        return conditions_from(self.cleaned_data["conditions"] or [], [self.tool.parameters])

    def clean(self) -> dict[str, Any]:
        """Both at once would say two things."""
        given = dict(super().clean() or {})
        if given.get("any_arguments") and given.get("conditions"):
            self.add_error("any_arguments", _("There are conditions: drop them, or this."))
        if given.get("never") and given.get("expires_at"):
            self.add_error("never", _("There is an end: drop it, or this."))
        return given

    def options(self) -> dict[str, Any]:
        """As the command takes them."""
        given = self.cleaned_data
        return {
            "scope": given["scope"],
            "conditions": ANY if given["any_arguments"] else given["conditions"],
            "uses": given["uses"],
            "expires_at": NEVER if given["never"] else given["expires_at"],
            "reason": given["reason"],
        }

    def put(self, error: AgentsError) -> None:
        """Tell an error at the fields that it names."""
        told = False
        for each in error.details.get("errors", ()):
            field, *place = each["path"]
            if place and isinstance(place[0], int) and place[0] >= 0:
                self.rows.wrong.setdefault(place[0], []).append(each["message"])
            self.add_error(field if field in self.fields else None, each["message"])
            told = True
        if not told:
            self.add_error(None, error.message)


def _scope_of(scope: GrantScope, of: ApprovalRequest) -> str:
    text = str(SCOPES[scope])
    name = {GrantScope.USER: of.context.details.user_name, GrantScope.AGENT: of.context.agent}.get(scope, "")
    return f"{text} ({name})" if name else text


class GrantStateFilter(SimpleListFilter):
    """Those that count, or the others."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("live", gettext_lazy("Counts")), ("over", gettext_lazy("Over"))]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        live = Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=DatabaseNow()))
        live &= Q(uses_left=None) | Q(uses_left__gt=0)
        match self.value():
            case "live":
                return queryset.filter(live)
            case "over":
                return queryset.exclude(live)
        return queryset


class StandingGrantAdmin(ReadOnlyAdmin):
    """For those who decide or may view them; everybody sees and ends their own."""

    seen_with = (DECIDE, VIEW_GRANT, REVOKE_GRANT)
    page_template = "agents_app/grant.html"
    nothing_yet = gettext_lazy(
        "Nobody has granted anything. On the page of an approval request you can allow calls like it from "
        "then on, within limits."
    )
    list_display = ["what", "state", "where", "limits", column("owner_name", gettext_lazy("owner")), "made", "ends"]
    list_display_links = None
    list_filter = [GrantStateFilter, "scope"]
    search_fields = ["agent", "tool", "owner_name", "user_name"]
    search_label = gettext_lazy("Search by tool, agent, owner or user")

    def may_list(self, user: Any) -> bool:
        return may_view_grants(user)

    def visible_rows(self, user: Any) -> "QuerySet[StandingGrant]":
        return visible_grants(user)

    def own_urls(self) -> list[URLPattern]:
        return [
            self.own_url("from/<path:key>/", self.make_view, "make"),
            self.own_url("<path:key>/revoke/", self.revoke_view, "revoke"),
        ]

    # The list.

    @admin.display(description=gettext_lazy("what"), ordering="tool")
    def what(self, row: StandingGrant) -> SafeString:
        return self.links.anchor("standinggrant", row.pk, f"{row.tool} ({row.agent})")

    @admin.display(description=gettext_lazy("state"))
    def state(self, row: StandingGrant) -> SafeString:
        tone, label = STATES[row.state_at(database_now())]
        return format_html('<span class="aa-badge aa-{}">{}</span>', tone, label)

    @admin.display(description=gettext_lazy("where"), ordering="scope")
    def where(self, row: StandingGrant) -> str:
        return where_of(row)

    @admin.display(description=gettext_lazy("used"))
    def limits(self, row: StandingGrant) -> str:
        left = _("without limit") if row.uses_left is None else _("%(left)s left") % {"left": row.uses_left}
        return f"{row.uses}, {left}"

    @admin.display(description=gettext_lazy("made"), ordering="made_at")
    def made(self, row: StandingGrant) -> SafeString:
        return time_tag(row.made_at)

    @admin.display(description=gettext_lazy("ends"), ordering="expires_at")
    def ends(self, row: StandingGrant) -> SafeString | str:
        return time_tag(row.expires_at) if row.expires_at else _("never")

    # The page.

    def page_context(self, request: HttpRequest, row: StandingGrant) -> dict[str, Any]:
        user = request.user
        sensitive = () if may_view_sensitive(user) else sensitive_of(row)
        conditions = [revealed(text) for text in described_conditions(row, sensitive)]
        facts = [
            (_("State"), self.state(row)),
            (_("Where it counts"), self.where(row)),
            (_("Conditions"), _listed(conditions) or _("none: whatever the arguments are")),
            (_("Allowed so far"), self.limits(row)),
            (_("Last use"), time_tag(row.last_used_at)),
            (_("Ends"), self.ends(row)),
            (_("In the name of"), row.owner_name),
            (_("Made"), time_tag(row.made_at)),
            (_("From"), self._origin(request, row)),
            (_("Why"), revealed(row.reason)),
            (_("Revoked"), time_tag(row.revoked_at) if row.revoked_at else ""),
            (_("Revoked by"), row.revoked_by_name),
            (_("Why revoked"), revealed(row.revoked_reason)),
        ]
        counts = row.state_at(database_now()) is GrantState.LIVE
        return {
            "title": _("Standing grant: %(what)s") % {"what": f"{row.tool} ({row.agent})"},
            "facts": [(name, value) for name, value in facts if value not in ("", "–")],
            "problems": grant_problems(row) if counts else [],
            "revoke_url": self.links.to("standinggrant_revoke", row.pk)
            if row.revoked_at is None and may_revoke(user, row)
            else "",
            "calls": self._calls(user, row),
        }

    def _origin(self, request: HttpRequest, row: StandingGrant) -> SafeString | str:
        found = visible_approvals(request.user).filter(pk=row.request_key).first()
        return "" if found is None else self.links.anchor("approvalrequest", found.pk, _("the request about a call"))

    def _calls(self, user: Any, row: StandingGrant) -> list[dict[str, Any]]:
        """The last ones that it allowed, of the runs that this person may see."""
        used: QuerySet[ToolCall] = not_hidden(visible_calls(user), user, "context__").filter(grant=row).order_by("-pk")
        return [
            {
                "link": self.links.anchor("toolcall", call.pk, str(call)),
                "at": time_tag(call.started_at),
                "run": self.links.row("agentcontext", call.context_id) if may_view_run(user, call.context) else "",
                "user": call.context.details.user_name,
            }
            for call in used[:CALLS_SHOWN]
        ]

    def revoke_view(self, request: HttpRequest, key: str) -> HttpResponse:
        """Let it count no more."""
        row = self.found(request, key)
        if request.method == "POST":
            try:
                revoke_grant(row.pk, by=request.user, reason=request.POST.get("reason", ""))
            except AgentsError as error:
                self.tell(request, error)
            else:
                messages.success(request, _("It counts no more."))
        return HttpResponseRedirect(self.links.row("standinggrant", row.pk))

    def make_view(self, request: HttpRequest, key: str) -> HttpResponse:
        """The form that makes one from a request, filled with what its call looks like."""
        try:
            asked: ApprovalRequest = one_of(visible_approvals(request.user), key)
            tool, like = tool_of(asked), likeness_of(asked)
        except NotFound as error:
            raise Http404(error.message) from error
        except AgentsError as error:
            self.tell(request, error)
            return HttpResponseRedirect(self.links.row("approvalrequest", key))
        permission = may_make(request.user, asked)
        if not permission.allowed:
            raise NotPermitted(permission.reason, rule=permission.rule)
        form = GrantForm(request.POST or None, of=asked, tool=tool, initial=_initial(like.conditions))
        status = 400
        if request.method == "POST" and form.is_valid():
            try:
                make_grant(asked.pk, by=request.user, origin=origin_of(request), **form.options())
            except AgentsError as error:
                form.put(error)
                status = error.http_status
            else:
                messages.success(
                    request, _("From now on such calls are made without asking. This request still waits for you.")
                )
                return HttpResponseRedirect(self.links.row("approvalrequest", asked.pk))
        return self.rendered(
            request,
            "agents_app/grant_form.html",
            status=status if form.errors else 200,
            title=_("Allow the like of this from now on"),
            form=form,
            asked=asked,
            summary=revealed(asked.summary),
            left_out=like.left_out,
            back=self.links.row("approvalrequest", asked.pk),
        )


def where_of(row: StandingGrant) -> str:
    """In which runs it counts."""
    return f"{SCOPES[GrantScope(row.scope)]} {row.user_name}".strip()


def grant_url(links: Links, user: Any, row: ApprovalRequest) -> str:
    """Where this person makes a grant from a request; empty where they may not."""
    return links.to("standinggrant_make", row.pk) if row.status in OPEN and may_make(user, row).allowed else ""


def _initial(conditions: Any) -> dict[str, Any]:
    end = timezone.localtime(timezone.now()) if timezone.is_aware(timezone.now()) else timezone.now()
    return {
        "conditions": stored_conditions(conditions),
        "uses": USES,
        "expires_at": (end + timedelta(days=DAYS)).replace(hour=23, minute=59, second=0, microsecond=0),
    }


def _listed(texts: list[SafeString]) -> SafeString | str:
    return format_html("<ul>{}</ul>", format_html_join("", "<li>{}</li>", ((text,) for text in texts))) if texts else ""


__all__ = ["GrantForm", "StandingGrantAdmin"]
