"""Archived runs: what is still known of runs that were moved out of the database."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy

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
    search_label = gettext_lazy("Search by id of the run, agent or user")
    ordering = ["-id"]

    def may_list(self, user: Any) -> bool:
        return bool(user.has_perm(VIEW_RUN))

    def visible_rows(self, user: Any) -> "QuerySet[ArchivedRun]":
        rows: QuerySet[ArchivedRun] = visible_archived_runs(user)
        return rows

    @admin.display(description=gettext_lazy("status"))
    def status_badge(self, row: ArchivedRun) -> SafeString:
        return badge(RunStatus(row.status))

    @admin.display(description=gettext_lazy("run"), ordering="id")
    def run(self, row: ArchivedRun) -> SafeString:
        return self.links.anchor("archivedrun", row.pk, f"{row.agent} …{str(row.pk)[-8:]}")

    @admin.display(description=gettext_lazy("user"), empty_value="–")
    def user_name(self, row: ArchivedRun) -> str:
        return row.user_name

    @admin.display(description=gettext_lazy("ended"))
    def ended(self, row: ArchivedRun) -> SafeString:
        return short_time(row.ended_at)

    @admin.display(description=gettext_lazy("archived"))
    def archived(self, row: ArchivedRun) -> SafeString:
        return short_time(row.archived_at)

    def page_context(self, request: HttpRequest, row: ArchivedRun) -> dict[str, Any]:
        back = AgentContext.objects.filter(pk=row.pk).exists()
        restored = self.links.anchor("agentcontext", row.pk, gettext("It is back: look at it")) if back else ""
        session = row.session
        facts = [
            (gettext("Status"), badge(RunStatus(row.status))),
            (gettext("Agent"), row.agent),
            (gettext("User"), row.user_name or gettext("none")),
            (gettext("Session"), self.links.anchor("agentsession", session.pk, session.key) if session else ""),
            (gettext("Accepted"), time_tag(row.created_at)),
            (gettext("Ended"), time_tag(row.ended_at)),
            (gettext("Archived"), time_tag(row.archived_at)),
            (gettext("Archive"), row.archive.name),
            (gettext("Restored"), restored),
            (gettext("Bring it back"), "" if back else f"manage.py agents_restore {row.pk}"),
            (gettext("Run"), str(row.pk)),
        ]
        return {
            "title": gettext("Archived run of %(agent)s") % {"agent": row.agent},
            "facts": [(name, value) for name, value in facts if value],
        }
