"""Budgets: the one kind of rows that staff make and change here. What was spent of them nobody writes by hand."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from agents_app.admin.displays import time_tag
from agents_app.admin.links import Links
from agents_app.admin.meters import meter, meters
from agents_app.core.budgets import Budget, Kind
from agents_app.models import AgentBudget, recently_read_now
from agents_app.selectors.budgets import title_of
from agents_app.services import set_budget

OWNERS = ("context", "session", "user")
LIMITS = [str(kind) for kind in Kind]


class BudgetForm(forms.ModelForm):  # type: ignore[type-arg]
    """Whose it is and its period are said once; the limits may change."""

    class Meta:
        model = AgentBudget
        fields = [*OWNERS, "period", *LIMITS, "ends_at"]

    def clean(self) -> dict[str, Any]:
        """Of exactly one owner, and the only one for this period."""
        given: dict[str, Any] = super().clean() or {}
        owners = {name: given[name] for name in OWNERS if given.get(name) is not None}
        if self.instance._state.adding and len(owners) != 1:
            raise forms.ValidationError("A budget is of one: a run, a session or a user.")
        if self.instance._state.adding and AgentBudget.objects.filter(period=given.get("period"), **owners).exists():
            raise forms.ValidationError("There is a budget for this period already: change that one.")
        return given


class AgentBudgetAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Django's own pages, for those with the permissions of the model. The limits are set by the service."""

    form = BudgetForm
    fields = [*OWNERS, "period", *LIMITS, "ends_at", "spent", "since"]
    raw_id_fields = OWNERS
    list_display = ["whose", "owner", *[f"of_{kind}" for kind in Kind], "ends_at", "from_settings"]
    list_filter = ["scope", "period", "from_settings"]
    list_select_related = ["context", "session"]
    ordering = ["-id"]
    show_full_result_count = False
    list_per_page = 50

    class Media:
        css = {"all": ["agents_app/admin.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and self.has_change_permission(request)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["spent", "since", *(() if obj is None else (*OWNERS, "period"))]

    def get_queryset(self, request: HttpRequest) -> "QuerySet[AgentBudget]":
        return super().get_queryset(request).prefetch_related("user")

    def save_model(self, request: HttpRequest, obj: AgentBudget, form: Any, change: bool) -> None:
        """Through the service, which writes the limits alone."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        owner = {"run": obj.context, "session": obj.session, "user": obj.user}
        limits = Budget(**{name: getattr(obj, name) for name in LIMITS})
        stored = set_budget(limits, by=request.user, period=obj.period, ends_at=obj.ends_at, **owner)
        obj.pk, obj._state.adding = stored.pk, False

    @admin.display(description="budget", ordering="scope")
    def whose(self, row: AgentBudget) -> str:
        return title_of(row)

    @admin.display(description="of")
    def owner(self, row: AgentBudget) -> SafeString | str:
        links = Links(self.admin_site)
        if row.context is not None:
            return links.anchor("agentcontext", row.context.pk, str(row.context))
        if row.session is not None:
            return links.anchor("agentsession", row.session.pk, row.session.key)
        return str(row.user or "nobody any more")

    @admin.display(description="spent now")
    def spent(self, row: AgentBudget) -> SafeString | str:
        return "–" if row._state.adding else meters(row, recently_read_now())

    @admin.display(description="counted since")
    def since(self, row: AgentBudget) -> SafeString | str:
        return "–" if row._state.adding else time_tag(row.window_at)

    @admin.display(description="steps")
    def of_steps(self, row: AgentBudget) -> SafeString:
        return meter(row, Kind.STEPS, recently_read_now())

    @admin.display(description="tool calls")
    def of_tool_calls(self, row: AgentBudget) -> SafeString:
        return meter(row, Kind.TOOL_CALLS, recently_read_now())

    @admin.display(description="tokens")
    def of_tokens(self, row: AgentBudget) -> SafeString:
        return meter(row, Kind.TOKENS, recently_read_now())

    @admin.display(description="money")
    def of_money(self, row: AgentBudget) -> SafeString:
        return meter(row, Kind.MONEY, recently_read_now())
