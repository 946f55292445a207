"""Archived runs: what is still known of runs that were moved out of the database."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy

from agents_app.admin.base import ReadOnlyAdmin
from agents_app.admin.displays import badge, short_time, time_tag
from agents_app.admin.erase_form import EraseForm
from agents_app.admin.filters import AgeFilter, AgentFilter
from agents_app.admin.memory_export import export_page
from agents_app.core.status import RunStatus
from agents_app.exceptions import AgentsError
from agents_app.models import AgentContext, ArchivedRun
from agents_app.selectors.archives import may_restore, visible_archived_runs
from agents_app.selectors.people import ERASE, VIEW_RUN
from agents_app.services import Erasure, restore_run


class ArchivedRunAdmin(ReadOnlyAdmin):
    """Archived runs, for those with `view_agentcontext`; others see their own if they know its address."""

    seen_with = (VIEW_RUN,)
    nothing_yet = gettext_lazy(
        "No run was archived yet. Ended runs move to files when they are old enough, if the settings say so."
    )
    list_display = ["status_badge", "run", "user_name", "ended", "archived"]
    list_display_links = None
    list_filter = [AgentFilter, AgeFilter]
    search_fields = ["id", "agent", "user_name"]
    page_template = "agents_app/archived.html"
    search_label = gettext_lazy("Search by id of the run, agent or user")
    ordering = ["-id"]

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
            (gettext("Run"), str(row.pk)),
        ]
        return {
            "title": gettext("Archived run of %(agent)s") % {"agent": row.agent},
            "facts": [(name, value) for name, value in facts if value],
            "restore_url": self.links.to("archivedrun_restore", row.pk) if may_restore(request.user) else "",
            "back": back,
        }

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        erase = self.links.to("archivedrun_erase") if request.user.has_perm(ERASE) else ""
        extra = {
            "erase_url": erase,
            "export_person_url": export_page(self.links, request.user),
            **(extra_context or {}),
        }
        return super().changelist_view(request, extra)

    def own_urls(self) -> list[URLPattern]:
        return [
            self.own_url("erase/", self.erase_view, "erase"),
            self.own_url("<path:key>/restore/", self.restore_view, "restore"),
        ]

    # Commands.

    def restore_view(self, request: HttpRequest, key: str) -> HttpResponse:
        """Bring the run back, and show it."""
        row = self.found(request, key)
        if request.method == "POST":
            try:
                restore_run(row.pk, by=request.user)
            except AgentsError as error:
                self.tell(request, error)
            else:
                messages.success(request, gettext("The run is back, to be read."))
                return HttpResponseRedirect(self.links.row("agentcontext", row.pk))
        return HttpResponseRedirect(self.links.row("archivedrun", row.pk))

    def erase_view(self, request: HttpRequest) -> HttpResponse:
        """Say first what would be erased; erase what was shown."""
        self.require(request.user.is_active and request.user.has_perm(ERASE), ERASE)
        form = EraseForm(request.POST if request.method == "POST" else None)
        would: Erasure | None = None
        status = 200
        if request.method == "POST" and form.is_valid():
            try:
                if form.confirmed:
                    return self._erased(request, form.erase(by=request.user))
                would = form.erase(by=request.user, dry_run=True)
            except AgentsError as error:
                form.add_error(None, error.message)
                status = error.http_status
        return self.rendered(
            request,
            "agents_app/erase.html",
            status=400 if form.errors and status == 200 else status,
            title=gettext("Erase a person"),
            form=form,
            would=would,
        )

    def _erased(self, request: HttpRequest, done: Erasure) -> HttpResponse:
        counts = {"runs": done.runs, "archived": done.archived_runs, "sessions": done.sessions}
        text = gettext(
            "Erased. Runs: %(runs)s, archived runs: %(archived)s, sessions: %(sessions)s, memories: %(memories)s."
        )
        text %= {**counts, "memories": done.memories}
        messages.success(request, text)
        if done.still_open:
            named = ", ".join(str(run_id) for run_id in done.still_open)
            text = gettext("Not ended yet: %(runs)s. Repeat this when they have.") % {"runs": named}
            messages.warning(request, text)
        return HttpResponseRedirect(self.links.to("archivedrun_erase"))
