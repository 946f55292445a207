"""Archived runs: what is still known of runs that were moved out of the database."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from agents_app.admin.base import ReadOnlyAdmin
from agents_app.admin.displays import badge, short_time, time_tag
from agents_app.admin.filters import AgeFilter, AgentFilter
from agents_app.core.status import RunStatus
from agents_app.models import AgentContext, ArchivedRun
from agents_app.selectors.archives import visible_archived_runs
from agents_app.selectors.people import VIEW_RUN


class ArchivedRunAdmin(ReadOnlyAdmin):
    """Archived runs, for those with `view_agentcontext`; others see their own if they know its address."""

    list_display = ["status_badge", "run", "user_name", "ended", "archived"]
    list_display_links = None
    list_filter = [AgentFilter, AgeFilter]
    search_fields = ["id", "agent", "user_name"]
    search_label = "Search by id of the run, agent or user"
    ordering = ["-id"]

    def may_list(self, user: Any) -> bool:
        return bool(user.has_perm(VIEW_RUN))

    def visible_rows(self, user: Any) -> "QuerySet[ArchivedRun]":
        rows: QuerySet[ArchivedRun] = visible_archived_runs(user)
        return rows

    @admin.display(description="status")
    def status_badge(self, row: ArchivedRun) -> SafeString:
        return badge(RunStatus(row.status))

    @admin.display(description="run", ordering="id")
    def run(self, row: ArchivedRun) -> SafeString:
        return self.links.anchor("archivedrun", row.pk, f"{row.agent} …{str(row.pk)[-8:]}")

    @admin.display(description="user", empty_value="–")
    def user_name(self, row: ArchivedRun) -> str:
        return row.user_name

    @admin.display(description="ended")
    def ended(self, row: ArchivedRun) -> SafeString:
        return short_time(row.ended_at)

    @admin.display(description="archived")
    def archived(self, row: ArchivedRun) -> SafeString:
        return short_time(row.archived_at)

    def page_context(self, request: HttpRequest, row: ArchivedRun) -> dict[str, Any]:
        back = AgentContext.objects.filter(pk=row.pk).exists()
        restored = self.links.anchor("agentcontext", row.pk, "It is back: look at it") if back else ""
        session = row.session
        facts = [
            ("Status", badge(RunStatus(row.status))),
            ("Agent", row.agent),
            ("User", row.user_name or "none"),
            ("Session", self.links.anchor("agentsession", session.pk, session.key) if session else ""),
            ("Accepted", time_tag(row.created_at)),
            ("Ended", time_tag(row.ended_at)),
            ("Archived", time_tag(row.archived_at)),
            ("Archive", row.archive.name),
            ("Restored", restored),
            ("Bring it back", "" if back else f"manage.py agents_restore {row.pk}"),
            ("Run", str(row.pk)),
        ]
        return {"title": f"Archived run of {row.agent}", "facts": [(name, value) for name, value in facts if value]}
