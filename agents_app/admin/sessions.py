"""Sessions: what several runs share."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy

from agents_app.admin.base import ReadOnlyAdmin
from agents_app.admin.blocks import Block, block
from agents_app.admin.columns import column
from agents_app.admin.displays import badge, short_time, time_tag
from agents_app.core.status import RunStatus
from agents_app.models import AgentSession, SessionSummary
from agents_app.selectors.archives import visible_archived_runs
from agents_app.selectors.people import VIEW_SESSION, VIEW_TRANSCRIPT, visible_runs, visible_sessions

RUNS_SHOWN = 100


class AgentSessionAdmin(ReadOnlyAdmin):
    """Sessions, for those with `view_agentsession`."""

    seen_with = (VIEW_SESSION,)
    page_template = "agents_app/session.html"
    nothing_yet = gettext_lazy("No runs share a session yet.")
    list_display = ["session", column("agent", gettext_lazy("agent")), "owner", "created"]
    list_display_links = None
    search_fields = ["id", "key", "agent"]
    search_label = gettext_lazy("Search by id, key or agent")
    ordering = ["-id"]

    def visible_rows(self, user: Any) -> "QuerySet[AgentSession]":
        rows: QuerySet[AgentSession] = visible_sessions(user).prefetch_related("user")
        return rows

    @admin.display(description=gettext_lazy("session"))
    def session(self, row: AgentSession) -> SafeString:
        return self.links.anchor("agentsession", row.pk, row.key)

    @admin.display(description=gettext_lazy("user"), empty_value="–")
    def owner(self, row: AgentSession) -> str:
        return str(row.user or "")

    @admin.display(description=gettext_lazy("created"), ordering="id")
    def created(self, row: AgentSession) -> SafeString:
        return short_time(row.created_at)

    def page_context(self, request: HttpRequest, row: AgentSession) -> dict[str, Any]:
        runs = list(visible_runs(request.user).filter(session=row).order_by("-id")[: RUNS_SHOWN + 1])
        archived = len(visible_archived_runs(request.user).filter(session=row).values_list("pk")[: RUNS_SHOWN + 1])
        return {
            "title": gettext("Session %(key)s") % {"key": row.key},
            "facts": [
                (gettext("Key"), row.key),
                (gettext("User"), self.owner(row) or gettext("none")),
                (gettext("First agent"), row.agent),
                (gettext("Created"), time_tag(row.created_at)),
                (gettext("Runs"), _counted(len(runs))),
                (gettext("Archived runs"), _counted(archived)),
                *_summary(request, row),
            ],
            "runs": [
                {
                    "link": self.links.anchor("agentcontext", run.pk, str(run)),
                    "badge": badge(RunStatus(run.status)),
                    "at": time_tag(run.details.created_at),
                }
                for run in runs[:RUNS_SHOWN]
            ],
        }


def _summary(request: HttpRequest, row: AgentSession) -> list[tuple[str, Block]]:
    """What an LLM made of the older part of its talk, for those who may read what was said in it."""
    made = SessionSummary.objects.filter(pk=row.pk).exclude(text="").first()
    user = request.user
    if made is None or not (user == row.user or user.has_perm(VIEW_TRANSCRIPT)):
        return []
    label = gettext("Summary of the older part")
    return [(label, block("summary", label, made.text))]


def _counted(number: int) -> str:
    return gettext("more than %(number)s") % {"number": RUNS_SHOWN} if number > RUNS_SHOWN else str(number)
