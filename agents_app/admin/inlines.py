"""Runs about one of the team's own objects, below that object's own form.

class OrderAdmin(admin.ModelAdmin):
    inlines = [AgentRunsInline]
"""

from typing import Any

from django.contrib import admin
from django.contrib.contenttypes.admin import GenericTabularInline
from django.contrib.contenttypes.forms import BaseGenericInlineFormSet
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from agents_app.admin.displays import badge, short_time
from agents_app.admin.links import Links
from agents_app.core.status import RunStatus
from agents_app.models import RunDetails
from agents_app.selectors.people import VIEW_RUN, not_hidden

RUNS_SHOWN = 20


class NewestRuns(BaseGenericInlineFormSet):  # type: ignore[type-arg]
    """Shows the newest runs alone: an object may have had thousands."""

    def get_queryset(self) -> "QuerySet[RunDetails]":
        if not hasattr(self, "_newest"):
            self._newest = super().get_queryset()[:RUNS_SHOWN]
        return self._newest


class AgentRunsInline(GenericTabularInline):
    """The newest runs about this object, read-only, for those with `view_agentcontext`."""

    model = RunDetails
    ct_field = "subject_type"
    ct_fk_field = "subject_id"
    formset = NewestRuns  # type: ignore[assignment]  # the stubs know no generic form sets
    verbose_name = gettext_lazy("agent run")
    verbose_name_plural = gettext_lazy("agent runs")
    fields = ["run", "state", "user", "accepted"]
    readonly_fields = ["run", "state", "user", "accepted"]
    ordering = ["-context_id"]  # not "-context": that would turn the order of runs around
    extra = 0
    max_num = 0
    can_delete = False

    class Media:
        css = {"all": ["agents_app/admin.css"]}
        js = ["agents_app/times.js"]

    def get_queryset(self, request: HttpRequest) -> "QuerySet[RunDetails]":
        rows: QuerySet[RunDetails] = not_hidden(super().get_queryset(request), request.user, "context__")
        return rows.select_related("context")

    def get_formset(self, request: HttpRequest, obj: Any = None, **options: Any) -> Any:
        """start_run stores the very class of a subject, also that of a proxy."""
        formset: Any = super().get_formset(request, obj, **options)
        formset.for_concrete_model = False
        return formset

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_active and request.user.has_perm(VIEW_RUN)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=gettext_lazy("run"))
    def run(self, row: RunDetails) -> SafeString:
        return Links(self.admin_site).anchor("agentcontext", row.pk, row.context.agent)

    @admin.display(description=gettext_lazy("status"))
    def state(self, row: RunDetails) -> SafeString:
        return badge(RunStatus(row.context.status))

    @admin.display(description=gettext_lazy("user"), empty_value="–")
    def user(self, row: RunDetails) -> str:
        return row.user_name

    @admin.display(description=gettext_lazy("accepted"))
    def accepted(self, row: RunDetails) -> SafeString:
        return short_time(row.created_at)
