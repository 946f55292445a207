"""Event handlers that are parked or failing: for which run, at which event and why; and how they go on."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, ngettext

from agents_app.admin.base import ReadOnlyAdmin, and_more
from agents_app.admin.displays import Words, excerpt, short_time, time_tag
from agents_app.admin.filters import AgentOfRunFilter
from agents_app.admin.handler_lists import BoundedPaginator, CursorStateFilter, HandlerFilter
from agents_app.admin.icons import icon
from agents_app.admin.revealed import revealed
from agents_app.core.events import RecordedEvent
from agents_app.core.subscriptions import subscriptions
from agents_app.exceptions import AgentsError
from agents_app.models import EventCursor
from agents_app.selectors.handlers import (
    CONTROL_CURSOR,
    VIEW_CURSOR,
    CursorState,
    may_control_cursors,
    may_view_cursors,
    next_event,
    state_of,
    visible_cursors,
)
from agents_app.selectors.people import may_view_run
from agents_app.services import release_handler

LABELS = {
    CursorState.PARKED: ("bad", "stop", gettext_lazy("Parked")),
    CursorState.FAILING: ("waiting", "alert", gettext_lazy("Failing")),
    CursorState.WAITING: ("quiet", "clock", gettext_lazy("Waiting")),
    CursorState.DONE: ("good", "check", gettext_lazy("Up to date")),
}
"""How a handler stands with a run: tone, icon and label."""

SENTENCES = {
    CursorState.PARKED: gettext_lazy(
        "It failed too often: it is told nothing more of this run until somebody says so."
    ),
    CursorState.FAILING: gettext_lazy(
        "Its last try failed. It is told the event again by itself; later events of the run wait."
    ),
    CursorState.WAITING: gettext_lazy("There is something that it is told next."),
    CursorState.DONE: gettext_lazy("It has heard of everything that is for it."),
}
RELEASED = gettext_lazy("It is told the event again.")
SKIPPED = gettext_lazy("It goes on without that event.")

AT_ONCE = 500
"""Let go on by one action."""
SKIPPED_AT_ONCE = 100
"""Of each it is looked up, and shown, which event is left out."""
ERRORS_TOLD = 10


class EventCursorAdmin(ReadOnlyAdmin):
    """Event handlers, run by run, for those with `view_eventcursor` or `control_eventcursor`."""

    seen_with = (VIEW_CURSOR, CONTROL_CURSOR)
    page_template = "agents_app/handler.html"
    nothing_yet = gettext_lazy("No handler has failed or is parked.")
    list_display = ["state", "name", "run", "when", "tries"]
    list_display_links = None
    list_filter = [CursorStateFilter, HandlerFilter, AgentOfRunFilter]
    search_fields = ["context__id", "handler"]
    search_label = gettext_lazy("Search by id of the run or name of the handler")
    list_select_related = ["context"]
    ordering = ["-id"]
    paginator = BoundedPaginator
    show_facets = admin.ShowFacets.NEVER  # they count the whole table
    actions = ["release_selected", "skip_selected"]

    def may_list(self, user: Any) -> bool:
        return may_view_cursors(user)

    def visible_rows(self, user: Any) -> "QuerySet[EventCursor]":
        rows: QuerySet[EventCursor] = visible_cursors(user)
        return rows

    def own_urls(self) -> list[URLPattern]:
        return [
            self.own_url("<uuid:cursor_id>/release/", self.release_view, "release"),
            self.own_url("<uuid:cursor_id>/skip/", self.skip_view, "skip"),
        ]

    # The list.

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": gettext("Event handlers"), **(extra_context or {})})

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list, with each row marked whether this person may look at its run."""
        changes = super().get_changelist_instance(request)
        for row in changes.result_list:
            row.run_seen = may_view_run(request.user, row.context)
        return changes

    @admin.display(description=gettext_lazy("state"))
    def state(self, row: EventCursor) -> SafeString:
        tone, name, label = LABELS[state_of(row)]
        return format_html('<span class="aa-badge aa-{}">{}{}</span>', tone, icon(name), label)

    @admin.display(description=gettext_lazy("handler"), ordering="handler")
    def name(self, row: EventCursor) -> SafeString:
        return format_html('{}<span class="aa-excerpt">{}</span>', self._named(row), revealed(excerpt(row.error)))

    def _named(self, row: EventCursor) -> SafeString:
        return self.links.anchor("eventcursor", row.pk, row.handler)

    @admin.display(description=gettext_lazy("run"), ordering="context_id")
    def run(self, row: EventCursor) -> SafeString | str:
        text = f"{row.context.agent} …{str(row.context.pk)[-8:]}"
        return self.links.anchor("agentcontext", row.context.pk, text) if getattr(row, "run_seen", False) else text

    @admin.display(description=gettext_lazy("when"))
    def when(self, row: EventCursor) -> SafeString:
        if row.parked_at is not None:
            return format_html(gettext("since {}"), short_time(row.parked_at))
        return (
            SafeString("–")
            if state_of(row) is CursorState.DONE
            else format_html(gettext("next {}"), short_time(row.due_at))
        )

    @admin.display(description=gettext_lazy("tries"))
    def tries(self, row: EventCursor) -> int:
        return row.attempts

    # Commands on many.

    def has_control_permission(self, request: HttpRequest) -> bool:
        """Asked by Django before it offers or performs the actions below."""
        return may_control_cursors(request.user)

    @admin.action(permissions=["control"], description=gettext_lazy("Release: let the selected ones try again"))
    def release_selected(self, request: HttpRequest, queryset: "QuerySet[EventCursor]") -> None:
        rows = self._parked(request, queryset, AT_ONCE)
        self._each(request, [(row, {}) for row in rows], "released", skipped=False)

    @admin.action(
        permissions=["control"], description=gettext_lazy("Skip the event that the selected ones cannot take …")
    )
    def skip_selected(self, request: HttpRequest, queryset: "QuerySet[EventCursor]") -> HttpResponse | None:
        """Ask first, and name the events: they are not told of them ever. Then only those that were shown are meant."""
        if request.POST.get("post"):
            shown = self.visible_rows(request.user).filter(pk__in=request.POST.getlist(ACTION_CHECKBOX_NAME))
            given = [(row, {"skip": True, "event": _number(request, f"event-{row.pk}")}) for row in shown]
            self._each(request, given, "skipped an event", skipped=True)
            return None
        rows = self._parked(request, queryset, SKIPPED_AT_ONCE)
        found = [(row, event) for row in rows if (event := next_event(row)) is not None]
        for row in rows[:ERRORS_TOLD] if not found else ():
            messages.error(
                request,
                gettext("The code here does not say which event %(handler)s is told next.") % {"handler": row.handler},
            )
        if not found:
            return None
        return self.rendered(
            request,
            "agents_app/skip_selected.html",
            title=gettext("Skip events"),
            cursors=[self._selected(request, row, event) for row, event in found],
            unknown=len(rows) - len(found),
            checkbox=ACTION_CHECKBOX_NAME,
            back=request.get_full_path(),
        )

    def _parked(self, request: HttpRequest, queryset: "QuerySet[EventCursor]", most: int) -> list[EventCursor]:
        """Those of the selected that can go on, at most so many; of the others the person is told."""
        selected = list(queryset[: most + 1])
        rows = [row for row in selected[:most] if state_of(row) is CursorState.PARKED]
        if len(selected) > most:
            messages.warning(
                request, gettext("Only the first %(most)s are looked at; do it again for the rest.") % {"most": most}
            )
        if others := len(selected[:most]) - len(rows):
            said = ngettext(
                "%(count)d of them is not parked: nothing needs to be done there.",
                "%(count)d of them are not parked: nothing needs to be done there.",
                others,
            )
            messages.warning(request, said % {"count": others})
        return rows

    def _selected(self, request: HttpRequest, row: EventCursor, event: RecordedEvent) -> dict[str, Any]:
        row.run_seen = may_view_run(request.user, row.context)  # type: ignore[attr-defined]  # as in the list
        return {"row": row, "link": self._named(row), "run": self.run(row), "event": event}

    def _each(
        self, request: HttpRequest, given: list[tuple[EventCursor, dict[str, Any]]], verb: str, *, skipped: bool
    ) -> None:
        """One by one: one that cannot be done does not hinder the others, and is named."""
        done, failed = 0, []
        for row, options in given:
            try:
                release_handler(row.pk, by=request.user, **options)
            except AgentsError as error:
                failed.append((row, gettext(error.message)))
            else:
                self.log(request, row, verb)
                done += 1
        if done:
            messages.success(request, _done_for(done, skipped=skipped))
        for row, message in failed[:ERRORS_TOLD]:
            messages.error(request, format_html(gettext("{}, run {}: {}"), self._named(row), row.context.pk, message))
        if len(failed) > ERRORS_TOLD:
            messages.error(request, and_more(len(failed) - ERRORS_TOLD))

    # One of them.

    def page_context(self, request: HttpRequest, row: EventCursor) -> dict[str, Any]:
        row.run_seen = may_view_run(request.user, row.context)  # type: ignore[attr-defined]  # as in the list
        state = state_of(row)
        waits = state in (CursorState.FAILING, CursorState.WAITING)
        event = None if state is CursorState.DONE else next_event(row)
        facts = [
            (gettext("State"), self.state(row)),
            (gettext("Run"), self.run(row)),
            (gettext("Parked since"), time_tag(row.parked_at) if row.parked_at else ""),
            (gettext("Next event"), f"{event.sequence} ({event.type})" if event else ""),
            (gettext("Recorded"), time_tag(event.at) if event else ""),
            (gettext("Next try"), time_tag(row.due_at) if waits else ""),
            (gettext("Tries"), row.attempts if state is not CursorState.DONE else ""),
            (gettext("Reason"), row.error),
            (
                gettext("Heard up to"),
                gettext("event %(sequence)s") % {"sequence": row.sequence} if row.sequence else gettext("nothing yet"),
            ),
            (gettext("Newest for it"), gettext("event %(sequence)s") % {"sequence": row.wanted}),
        ]
        allowed = state is CursorState.PARKED and may_control_cursors(request.user)
        return {
            "title": gettext("Event handler %(handler)s") % {"handler": row.handler},
            "meaning": SENTENCES[state],
            "unknown": row.handler not in subscriptions.names(),
            "facts": [(name, value) for name, value in facts if value != ""],
            "event": event,
            "release_url": self.links.to("eventcursor_release", row.pk) if allowed else "",
            "skip_url": self.links.to("eventcursor_skip", row.pk) if allowed and event else "",
        }

    def release_view(self, request: HttpRequest, cursor_id: Any) -> HttpResponse:
        """Let it try again."""
        return self._command(request, cursor_id, "released", RELEASED)

    def skip_view(self, request: HttpRequest, cursor_id: Any) -> HttpResponse:
        """Let it go on without the event that was shown."""
        return self._command(
            request, cursor_id, "skipped an event", SKIPPED, skip=True, event=_number(request, "event")
        )

    def _command(self, request: HttpRequest, cursor_id: Any, verb: str, done: Words, **options: Any) -> HttpResponse:
        row = self.found(request, str(cursor_id))
        if request.method == "POST":
            try:
                release_handler(row.pk, by=request.user, **options)
            except AgentsError as error:
                self.tell(request, error)
            else:
                self.log(request, row, verb)
                messages.success(request, str(done))
        return HttpResponseRedirect(self.links.row("eventcursor", row.pk))


def _done_for(count: int, *, skipped: bool) -> str:
    if skipped:
        text = ngettext(
            "Done for %(count)d run: the handler goes on without the event.",
            "Done for %(count)d runs: the handler goes on without the event.",
            count,
        )
    else:
        text = ngettext(
            "Done for %(count)d run: the handler is told the event again.",
            "Done for %(count)d runs: the handler is told the event again.",
            count,
        )
    return text % {"count": count}


def _number(request: HttpRequest, name: str) -> int:
    """The event that the page showed; -1, which none is, if it does not say."""
    said = request.POST.get(name, "")
    return int(said) if said.isdecimal() and len(said) < 19 else -1
