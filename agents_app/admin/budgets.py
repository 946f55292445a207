"""Budgets: the one kind of rows that staff make and change here. What was spent of them nobody writes by hand."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy

from agents_app.admin.displays import SCOPES, time_tag
from agents_app.admin.links import Links
from agents_app.admin.meters import meters
from agents_app.admin.refusing import NamesTheRule
from agents_app.core.budgets import Budget, Kind, Period, Scope
from agents_app.models import AgentBudget, database_now
from agents_app.selectors.budgets import title_of
from agents_app.selectors.people import CHANGE_BUDGET, VIEW_BUDGET, lacking
from agents_app.services import set_budget

ADD_BUDGET = "agents_app.add_agentbudget"
DELETE_BUDGET = "agents_app.delete_agentbudget"
"""Django's own, which are asked here alone."""

OWNERS = ("context", "session", "user")
LIMITS = [str(kind) for kind in Kind]


PERIODS_GIVEN: list[tuple[str, Any]] = [
    (Period.EVER.value, gettext_lazy("as long as it exists")),
    (Period.HOUR.value, gettext_lazy("each hour")),
    (Period.DAY.value, gettext_lazy("each day")),
    (Period.MONTH.value, gettext_lazy("each month")),
]
"""How long spending is added up."""


class ScopeFilter(SimpleListFilter):
    """By whose it is."""

    title = gettext_lazy("whose it is")
    parameter_name = "scope"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> list[tuple[str, Any]]:
        return [(str(each), SCOPES[each]) for each in Scope]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return queryset.filter(scope=self.value()) if self.value() else queryset


class PeriodFilter(SimpleListFilter):
    """By how long spending is added up."""

    title = gettext_lazy("period")
    parameter_name = "period"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> list[tuple[str, Any]]:
        return PERIODS_GIVEN

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return queryset.filter(period=self.value()) if self.value() else queryset


class SetByFilter(SimpleListFilter):
    """By whether a person has set its limits."""

    title = gettext_lazy("who has set it")
    parameter_name = "set_by"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> list[tuple[str, str]]:
        return [("person", gettext("A person, or the start of the run")), ("settings", gettext("The settings"))]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return queryset.filter(from_settings=self.value() == "settings") if self.value() else queryset


class BudgetForm(forms.ModelForm):  # type: ignore[type-arg]
    """Whose it is and its period are said once; the limits may change."""

    period = forms.ChoiceField(
        choices=PERIODS_GIVEN,
        label=gettext_lazy("Period"),
        help_text=gettext_lazy("After it, spending begins anew, by the project's time zone."),
    )
    # One field with a label of its own: the two of Django's widget have none.
    ends_at = forms.DateTimeField(
        label=gettext_lazy("Ends at"),
        required=False,
        help_text=gettext_lazy("Nothing more may be spent after this."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": 1}, format="%Y-%m-%dT%H:%M:%S"),
    )

    class Meta:
        model = AgentBudget
        fields = [*OWNERS, "period", *LIMITS, "ends_at"]
        labels = {
            "session": gettext_lazy("Session"),
            "user": gettext_lazy("User"),
            "steps": gettext_lazy("Steps"),
            "tool_calls": gettext_lazy("Tool calls"),
            "tokens": gettext_lazy("Tokens"),
        }

    def clean(self) -> dict[str, Any]:
        """Of exactly one owner, and the only one for this period."""
        given: dict[str, Any] = super().clean() or {}
        owners = {name: given[name] for name in OWNERS if given.get(name) is not None}
        if self.instance._state.adding and len(owners) != 1:
            raise forms.ValidationError(gettext("A budget is of one: a run, a session or a user."))
        if self.instance._state.adding and AgentBudget.objects.filter(period=given.get("period"), **owners).exists():
            raise forms.ValidationError(gettext("There is a budget for this period already: change that one."))
        return given


class AgentBudgetAdmin(NamesTheRule):
    """Django's own pages, for those with the permissions of the model. The limits are set by the service."""

    seen_with = (VIEW_BUDGET, CHANGE_BUDGET)
    done_with = {
        "add": (ADD_BUDGET, CHANGE_BUDGET),
        "change": (CHANGE_BUDGET,),
        "delete": (DELETE_BUDGET,),
    }
    form = BudgetForm
    change_list_template = "agents_app/list.html"
    raw_id_fields = OWNERS
    list_display = ["whose", "owner", "spent"]
    list_filter = [ScopeFilter, PeriodFilter, SetByFilter]
    list_select_related = ["context", "session"]
    ordering = ["-id"]
    show_full_result_count = False
    list_per_page = 50

    class Media:
        css = {"all": ["agents_app/admin.css"]}
        js = ["agents_app/times.js", "agents_app/lists.js"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and self.has_change_permission(request)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        limits = (
            gettext("Limits"),
            {"description": gettext("An empty field is no limit."), "fields": [*LIMITS, "ends_at"]},
        )
        if obj is None:
            whose = gettext("Of exactly one: a run, a session or a user.")
            return [(None, {"description": whose, "fields": [*OWNERS, "period"]}), limits]
        return [(None, {"fields": ["owner", "how_long", "spent", "since"]}), limits]

    @admin.display(description=gettext_lazy("period"))
    def how_long(self, row: AgentBudget) -> Any:
        return dict(PERIODS_GIVEN)[row.period]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [] if obj is None else ["owner", "how_long", "spent", "since"]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": gettext("Budgets"), **(extra_context or {})})

    def get_queryset(self, request: HttpRequest) -> "QuerySet[AgentBudget]":
        return super().get_queryset(request).prefetch_related("user")

    def save_model(self, request: HttpRequest, obj: AgentBudget, form: Any, change: bool) -> None:
        """Through the service, which writes the limits alone."""
        if not self.has_change_permission(request):
            raise lacking(CHANGE_BUDGET)
        owner = {"run": obj.context, "session": obj.session, "user": obj.user}
        limits = Budget(**{name: getattr(obj, name) for name in LIMITS})
        stored = set_budget(limits, by=request.user, period=obj.period, ends_at=obj.ends_at, **owner)
        obj.pk, obj._state.adding = stored.pk, False

    @admin.display(description=gettext_lazy("budget"), ordering="scope")
    def whose(self, row: AgentBudget) -> str:
        return title_of(row)

    @admin.display(description=gettext_lazy("of"))
    def owner(self, row: AgentBudget) -> SafeString | str:
        links = Links(self.admin_site)
        if row.context is not None:
            return links.anchor("agentcontext", row.context.pk, f"{row.context.agent} …{str(row.context.pk)[-8:]}")
        if row.session is not None:
            return links.anchor("agentsession", row.session.pk, row.session.key)
        return str(row.user or gettext("nobody any more"))

    @admin.display(description=gettext_lazy("spent now"))
    def spent(self, row: AgentBudget) -> SafeString:
        return meters(row, database_now())

    @admin.display(description=gettext_lazy("counted since"))
    def since(self, row: AgentBudget) -> SafeString:
        return time_tag(row.window_at)
