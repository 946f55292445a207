"""Runs: the list, the page of one run that goes on by itself, and the commands on it."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern, get_script_prefix
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, ngettext

from agents_app.admin.base import ReadOnlyAdmin, and_more
from agents_app.admin.displays import Words, badge, between, excerpt, short_time
from agents_app.admin.filters import AgeFilter, AgentFilter, InternalFilter, RunStatusFilter, SlotFilter
from agents_app.admin.news import news
from agents_app.admin.revealed import revealed
from agents_app.admin.run_page import REASONED, news_key, run_page
from agents_app.admin.run_rows import partial_of
from agents_app.admin.sent_page import sent_blocks
from agents_app.admin.start_form import StartForm
from agents_app.core.internal import is_internal
from agents_app.core.status import RunStatus
from agents_app.exceptions import AgentsError
from agents_app.models import AgentContext
from agents_app.selectors.archives import find_archived_run
from agents_app.selectors.people import (
    CONTROL,
    START,
    VIEW_RUN,
    VIEW_TRANSCRIPT,
    may_start,
    may_view_transcript,
    visible_runs,
)
from agents_app.services import (
    Run,
    cancel_run,
    hide_run,
    pause_run,
    read_run,
    resume_run,
    retry_run,
    reveal_run,
    set_priority,
)
from agents_app.services.sent import read_sent


def go_on_under_new_code(run_id: Any, *, by: Any, accept_changes: str) -> Run[Any]:
    """Resume or retry, under the code that was shown."""
    command = retry_run if read_run(run_id).status == RunStatus.FAILED else resume_run
    return command(run_id, by=by, accept_changes=accept_changes)


COMMANDS: Mapping[str, tuple[Callable[..., Any], Words]] = {
    "cancel": (cancel_run, gettext_lazy("The run is cancelled; what has started is waited for.")),
    "pause": (pause_run, gettext_lazy("The run is paused.")),
    "resume": (resume_run, gettext_lazy("The run goes on.")),
    "retry": (retry_run, gettext_lazy("The run is tried again.")),
    "accept": (go_on_under_new_code, gettext_lazy("The run goes on under the new code.")),
    "high": (partial(set_priority, priority="high"), gettext_lazy("The run is taken before others.")),
    "normal": (partial(set_priority, priority="normal"), gettext_lazy("The run is taken in its turn.")),
    "low": (partial(set_priority, priority="low"), gettext_lazy("The run is taken after others.")),
    "hide": (hide_run, gettext_lazy("The run is hidden from all but those who may see hidden runs.")),
    "reveal": (reveal_run, gettext_lazy("The run is seen again.")),
}
"""Verb → the command, and what is said afterwards."""

ERRORS_TOLD = 10
CANCELLED_AT_ONCE = 500
"""Each is a field of the page that asks whether they shall be cancelled, and Django reads 1000 at most."""


def _waits_for(row: AgentContext) -> str:
    """What a run waits for that only seems to be at work."""
    if row.waits_for_code_since is not None:
        return gettext("waits for its code")
    return gettext("waits for a free slot") if row.waits_for_slot else ""


class AgentContextAdmin(ReadOnlyAdmin):
    """Runs. People with `view_agentcontext` see all, others their own."""

    seen_with = (VIEW_RUN, START)
    page_template = "agents_app/run.html"
    nothing_yet = gettext_lazy("No agent has run yet.")
    list_display = ["status_badge", "run", "user_name", "accepted", "took"]
    list_display_links = None
    list_filter = [RunStatusFilter, SlotFilter, AgentFilter, InternalFilter, AgeFilter]
    search_fields = [
        "id",
        "agent",
        "details__user_name",
        "details__started_by_name",
        "details__subject_id",
        "session__key",
    ]
    search_label = gettext_lazy("Search by id of the run, user, agent, session or id of the subject")
    list_select_related = ["details", "session"]
    ordering = ["-id"]
    actions = [
        *("cancel_selected", "pause_selected", "resume_selected", "retry_selected"),
        *("high_selected", "normal_selected", "low_selected"),
    ]

    def visible_rows(self, user: Any) -> "QuerySet[AgentContext]":
        rows: QuerySet[AgentContext] = visible_runs(user)
        return rows

    def own_urls(self) -> list[URLPattern]:
        return [
            self.own_url("start/", self.start_view, "start"),
            self.own_url("<uuid:run_id>/news/", self.news_view, "news"),
            self.own_url("<uuid:run_id>/steps/<int:number>/sent/", self.sent_view, "sent"),
            self.own_url("<uuid:run_id>/<slug:verb>/command/", self.command_view, "command"),
        ]

    # The list.

    @admin.display(description=gettext_lazy("run"), ordering="id")
    def run(self, row: AgentContext) -> SafeString:
        begins = revealed(excerpt(row.details.input)) if getattr(row, "readable", False) else ""
        return format_html('{}<span class="aa-excerpt">{}</span>', self._named(row), begins)

    def _named(self, row: AgentContext) -> SafeString:
        url = self.links.row("agentcontext", row.pk)
        text = '<a href="{}"><strong>{}</strong> <span class="aa-id">…{}</span></a>'
        named = format_html(text, url, row.agent, str(row.pk)[-8:])
        internal = '{} <span class="aa-badge aa-quiet">{}</span>'
        return format_html(internal, named, gettext("internal")) if is_internal(row.agent) else named

    @admin.display(description=gettext_lazy("status"))
    def status_badge(self, row: AgentContext) -> SafeString:
        shown = badge(RunStatus(row.status))
        waits = _waits_for(row)
        return format_html('{} <span class="aa-soft">{}</span>', shown, waits) if waits else shown

    @admin.display(description=gettext_lazy("user"), empty_value="–")
    def user_name(self, row: AgentContext) -> str:
        return row.details.user_name

    @admin.display(description=gettext_lazy("accepted"), ordering="id")
    def accepted(self, row: AgentContext) -> SafeString:
        return short_time(row.details.created_at)

    @admin.display(description=gettext_lazy("took"), empty_value="–")
    def took(self, row: AgentContext) -> str:
        return between(row.details.created_at, row.details.ended_at)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list, with each row marked whether this person may read its input."""
        changes = super().get_changelist_instance(request)
        for row in changes.result_list:
            row.readable = may_view_transcript(request.user, row)
        return changes

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        start = self.links.to("agentcontext_start") if request.user.has_perm(START) else ""
        return super().changelist_view(request, {"start_url": start, **(extra_context or {})})

    # Commands on many runs.

    def has_control_permission(self, request: HttpRequest) -> bool:
        """Asked by Django before it offers or performs the actions below."""
        return request.user.has_perm(CONTROL)

    @admin.action(permissions=["control"], description=gettext_lazy("Cancel selected runs …"))
    def cancel_selected(self, request: HttpRequest, queryset: "QuerySet[AgentContext]") -> HttpResponse | None:
        """Ask first: it cannot be undone. Then all that were shown are meant, whatever the list's filter says."""
        if request.POST.get("post"):
            shown = self.visible_rows(request.user).filter(pk__in=request.POST.getlist(ACTION_CHECKBOX_NAME))
            self._each(request, shown, "cancel", reason=request.POST.get("reason", ""))
            return None
        rows = list(queryset[: CANCELLED_AT_ONCE + 1])
        if len(rows) > CANCELLED_AT_ONCE:
            messages.error(
                request,
                ngettext(
                    "Cancel at most %(count)d run at once.", "Cancel at most %(count)d runs at once.", CANCELLED_AT_ONCE
                )
                % {"count": CANCELLED_AT_ONCE},
            )
            return None
        return self.rendered(
            request,
            "agents_app/cancel_selected.html",
            title=gettext("Cancel runs"),
            runs=[self._selected(request, row) for row in rows],
            ended=sum(row.ended for row in rows),
            checkbox=ACTION_CHECKBOX_NAME,
            back=request.get_full_path(),
        )

    def _selected(self, request: HttpRequest, row: AgentContext) -> dict[str, Any]:
        row.readable = may_view_transcript(request.user, row)  # type: ignore[attr-defined]  # as in the list
        return {"row": row, "link": self.run(row), "badge": self.status_badge(row), "user": row.details.user_name}

    @admin.action(permissions=["control"], description=gettext_lazy("Pause selected runs"))
    def pause_selected(self, request: HttpRequest, queryset: "QuerySet[AgentContext]") -> None:
        self._each(request, queryset, "pause")

    @admin.action(permissions=["control"], description=gettext_lazy("Resume selected runs"))
    def resume_selected(self, request: HttpRequest, queryset: "QuerySet[AgentContext]") -> None:
        self._each(request, queryset, "resume")

    @admin.action(permissions=["control"], description=gettext_lazy("Retry selected runs"))
    def retry_selected(self, request: HttpRequest, queryset: "QuerySet[AgentContext]") -> None:
        self._each(request, queryset, "retry")

    @admin.action(permissions=["control"], description=gettext_lazy("Priority of selected runs: high"))
    def high_selected(self, request: HttpRequest, queryset: "QuerySet[AgentContext]") -> None:
        self._each(request, queryset, "high")

    @admin.action(permissions=["control"], description=gettext_lazy("Priority of selected runs: normal"))
    def normal_selected(self, request: HttpRequest, queryset: "QuerySet[AgentContext]") -> None:
        self._each(request, queryset, "normal")

    @admin.action(permissions=["control"], description=gettext_lazy("Priority of selected runs: low"))
    def low_selected(self, request: HttpRequest, queryset: "QuerySet[AgentContext]") -> None:
        self._each(request, queryset, "low")

    def _each(self, request: HttpRequest, queryset: "QuerySet[AgentContext]", verb: str, **given: str) -> None:
        """Run by run: one that cannot be done does not hinder the others, and is named."""
        done, failed = 0, []
        for row in queryset:
            try:
                COMMANDS[verb][0](row.pk, by=request.user, **given)
            except AgentsError as error:
                failed.append((row, gettext(error.message)))
            else:
                self.log(request, row, verb)
                done += 1
        if done:
            text = ngettext("Done for %(count)d run. %(said)s", "Done for %(count)d runs. %(said)s", done)
            messages.success(request, text % {"count": done, "said": COMMANDS[verb][1]})
        for row, message in failed[:ERRORS_TOLD]:
            messages.error(request, format_html("{}: {}", self._named(row), message))
        if len(failed) > ERRORS_TOLD:
            messages.error(request, and_more(len(failed) - ERRORS_TOLD))

    # One run.

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Its page; of one that was archived, the page that says so."""
        try:
            return super().change_view(request, object_id, form_url, extra_context)
        except Http404:
            entry = find_archived_run(request.user, object_id.strip("/"))
            if entry is None:
                raise
            return HttpResponseRedirect(self.links.row("archivedrun", entry.pk))

    def page_context(self, request: HttpRequest, row: AgentContext) -> dict[str, Any]:
        page = run_page(self.admin_site, request, row)
        return {
            **page.context(),
            "title": gettext("Run of %(agent)s") % {"agent": row.agent},
            "news_url": self.links.to("agentcontext_news", row.pk),
            "news_key": news_key(row, page.rows.partial),
            "socket_path": socket_path(request, row),
        }

    def news_view(self, request: HttpRequest, run_id: Any) -> JsonResponse:
        """The parts of the page if they are not those of `?known=`. Works without websockets."""
        row = self.found(request, str(run_id))
        key = news_key(row, partial_of(row, request.user))
        return news(
            request,
            key,
            lambda: run_page(self.admin_site, request, row).parts(),
            ended=row.ended,
            version=row.version,
        )

    def command_view(self, request: HttpRequest, run_id: Any, verb: str) -> HttpResponse:
        """Cancel, pause, resume or retry one run, also under changed code."""
        row = self.found(request, str(run_id))
        if request.method == "POST" and verb in COMMANDS:
            command, done = COMMANDS[verb]
            given = {"reason": request.POST.get("reason", "")} if verb in REASONED else {}
            if verb == "accept":
                given = {"accept_changes": request.POST.get("accept_changes", "")}
            try:
                command(row.pk, by=request.user, **given)
            except AgentsError as error:
                self.tell(request, error)
            else:
                self.log(request, row, verb)
                messages.success(request, str(done))
        seen = self.visible_rows(request.user).filter(pk=row.pk).exists()
        return HttpResponseRedirect(
            self.links.row("agentcontext", row.pk) if seen else self.links.to("agentcontext_changelist")
        )

    def sent_view(self, request: HttpRequest, run_id: Any, number: int) -> HttpResponse:
        """What the LLM was sent in one step."""
        row = self.found(request, str(run_id))
        self.require(may_view_transcript(request.user, row), VIEW_TRANSCRIPT)
        try:
            sent = read_sent(row, number, by=request.user)
        except AgentsError as error:
            raise Http404(error.message) from error
        return self.rendered(
            request,
            "agents_app/sent.html",
            title=gettext("What the LLM was sent in step %(number)s") % {"number": number},
            sent=sent,
            blocks=list(sent_blocks(sent)),
            run_url=self.links.row("agentcontext", row.pk),
        )

    def start_view(self, request: HttpRequest) -> HttpResponse:
        """Start a run."""
        self.require(may_start(request.user), START)
        form = StartForm(request.user, request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            run = form.start()
            if run is not None:
                messages.success(request, gettext("The run has been accepted."))
                return HttpResponseRedirect(self.links.row("agentcontext", run.id))
        return self.rendered(
            request,
            "agents_app/start.html",
            status=400 if form.errors else 200,
            title=gettext("Start a run"),
            form=form,
            agents=form.agents,
        )


def socket_path(request: HttpRequest, row: AgentContext) -> str:
    """Where the page may listen for news; empty under WSGI or without Channels, where nothing would answer."""
    answered = hasattr(request, "scope") and apps.is_installed("channels")
    return f"{get_script_prefix()}ws/runs/{row.pk}/" if answered else ""
