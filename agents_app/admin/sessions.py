"""Sessions: what several runs share."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from agents_app.admin.base import ReadOnlyAdmin
from agents_app.admin.displays import badge, short_time, time_tag
from agents_app.core.status import RunStatus
from agents_app.models import AgentSession
from agents_app.selectors.people import VIEW_SESSION, visible_runs, visible_sessions

RUNS_SHOWN = 100


class AgentSessionAdmin(ReadOnlyAdmin):
    """Sessions, for those with `view_agentsession`."""

    page_template = "agents_app/session.html"
    list_display = ["session", "agent", "owner", "runs", "created"]
    list_display_links = None
    search_fields = ["id", "key", "agent"]
    search_label = "Search by id, key or agent"
    ordering = ["-id"]

    def may_list(self, user: Any) -> bool:
        return bool(user.has_perm(VIEW_SESSION))

    def visible_rows(self, user: Any) -> "QuerySet[AgentSession]":
        return visible_sessions(user).annotate(run_count=Count("runs")).prefetch_related("user")  # type: ignore[no-any-return]

    @admin.display(description="session", ordering="key")
    def session(self, row: AgentSession) -> SafeString:
        return self.links.anchor("agentsession", row.pk, row.key)

    @admin.display(description="user", empty_value="–")
    def owner(self, row: AgentSession) -> str:
        return str(row.user or "")

    @admin.display(description="runs")
    def runs(self, row: AgentSession) -> int:
        return int(getattr(row, "run_count", 0))

    @admin.display(description="created", ordering="id")
    def created(self, row: AgentSession) -> SafeString:
        return short_time(row.created_at)

    def page_context(self, request: HttpRequest, row: AgentSession) -> dict[str, Any]:
        runs = visible_runs(request.user).filter(session=row).order_by("-id")[:RUNS_SHOWN]
        return {
            "title": f"Session {row.key}",
            "facts": [
                ("Key", row.key),
                ("User", self.owner(row) or "none"),
                ("First agent", row.agent),
                ("Created", time_tag(row.created_at)),
            ],
            "runs": [
                {
                    "link": self.links.anchor("agentcontext", run.pk, str(run)),
                    "badge": badge(RunStatus(run.status)),
                    "at": time_tag(run.details.created_at),
                }
                for run in runs
            ],
        }
