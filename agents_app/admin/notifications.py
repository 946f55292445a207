"""What people were told and what is parked, how the channels stand, and each person's own preferences."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import SimpleListFilter
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, ngettext

from agents_app.admin.base import ReadOnlyAdmin
from agents_app.admin.columns import column
from agents_app.admin.displays import excerpt, short_time, time_tag
from agents_app.admin.icons import icon
from agents_app.admin.revealed import revealed
from agents_app.exceptions import AgentsError
from agents_app.models import ChannelState, Mode, Notification, NotificationPreference, NotificationState
from agents_app.selectors.inbox import Tab
from agents_app.selectors.notifications import (
    RELEASE_NOTIFICATION,
    VIEW_NOTIFICATION,
    may_release_notifications,
    may_view_notifications,
    visible_channels,
    visible_notifications,
)
from agents_app.selectors.people import DECIDE, VIEW_APPROVAL, may_view_run, may_watch_inbox
from agents_app.services import release_notification, set_preferences
from agents_app.services.inbox import desk_for
from agents_app.services.notifications import own_preferences

LABELS = {
    NotificationState.WAITING: ("waiting", "clock", gettext_lazy("Waiting")),
    NotificationState.SENT: ("good", "check", gettext_lazy("Sent")),
    NotificationState.PARKED: ("bad", "stop", gettext_lazy("Parked")),
    NotificationState.DROPPED: ("quiet", "circle", gettext_lazy("Nothing to tell any more")),
}
"""How a notification stands: tone, icon and label."""
MODES = {
    Mode.AT_ONCE: gettext_lazy("At once"),
    Mode.DIGEST: gettext_lazy("In a digest"),
    Mode.OFF: gettext_lazy("Not at all"),
}
RELEASED_AT_ONCE = 500
ERRORS_TOLD = 10
LOOKED_AT = 50
"""Requests that are looked at for one that this person may decide."""
MOST_WAITING = 99


class StateFilter(SimpleListFilter):
    """By how they stand."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [(state.value, label) for state, (_, _, label) in LABELS.items()]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return queryset.filter(state=self.value()) if self.value() else queryset


class NotificationAdmin(ReadOnlyAdmin):
    """Notifications, for those with `view_notification` or `release_notification`."""

    seen_with = (VIEW_NOTIFICATION, RELEASE_NOTIFICATION)
    page_template = "agents_app/notification.html"
    nothing_yet = gettext_lazy(
        "Nobody was told anything yet. The setting NOTIFY names the ways on which people are told of what "
        "waits for them."
    )
    list_display = ["state_badge", "told", column("channel", gettext_lazy("channel")), "reader", "made", "tries"]
    list_display_links = None
    list_filter = [StateFilter]
    search_fields = ["channel", "context__id", "request__id"]
    search_label = gettext_lazy("Search by channel, or id of the run")
    list_select_related = ["context"]
    ordering = ["-id"]
    show_facets = admin.ShowFacets.NEVER
    actions = ["release_selected"]

    def may_list(self, user: Any) -> bool:
        return may_view_notifications(user)

    def visible_rows(self, user: Any) -> "QuerySet[Notification]":
        rows: QuerySet[Notification] = visible_notifications(user)
        return rows

    def own_urls(self) -> list[URLPattern]:
        return [self.own_url("<uuid:notification_id>/release/", self.release_view, "release")]

    @admin.display(description=gettext_lazy("state"))
    def state_badge(self, row: Notification) -> SafeString:
        tone, name, label = LABELS[NotificationState(row.state)]
        return format_html('<span class="aa-badge aa-{}">{}{}</span>', tone, icon(name), label)

    @admin.display(description=gettext_lazy("told"))
    def told(self, row: Notification) -> SafeString:
        link = self.links.anchor("notification", row.pk, row.kind)
        return format_html('{}<span class="aa-excerpt">{}</span>', link, revealed(excerpt(row.error)))

    @admin.display(description=gettext_lazy("to"), empty_value="–")
    def reader(self, row: Notification) -> str:
        return str(row.recipient.get_username()) if row.recipient else ""

    @admin.display(description=gettext_lazy("made"))
    def made(self, row: Notification) -> SafeString:
        return short_time(row.created_at)

    @admin.display(description=gettext_lazy("tries"))
    def tries(self, row: Notification) -> int:
        return row.attempts

    def has_control_permission(self, request: HttpRequest) -> bool:
        """Asked by Django before it offers or performs the action below."""
        return may_release_notifications(request.user)

    @admin.action(permissions=["control"], description=gettext_lazy("Release: let the selected ones be sent again"))
    def release_selected(self, request: HttpRequest, queryset: "QuerySet[Notification]") -> None:
        done, failed = 0, []
        for row in queryset.filter(state=NotificationState.PARKED)[:RELEASED_AT_ONCE]:
            try:
                release_notification(row.pk, by=request.user)
            except AgentsError as error:
                failed.append(gettext(error.message))
            else:
                self.log(request, row, "released")
                done += 1
        words = ngettext("%(count)s notification is sent again.", "%(count)s notifications are sent again.", done)
        messages.success(request, words % {"count": done})
        for message in failed[:ERRORS_TOLD]:
            messages.error(request, message)

    def page_context(self, request: HttpRequest, row: Notification) -> dict[str, Any]:
        waiting = row.state == NotificationState.WAITING
        run: Any = str(row.context_id)
        if may_view_run(request.user, row.context):
            run = self.links.anchor("agentcontext", row.context_id, run)
        facts = [
            (gettext("State"), self.state_badge(row)),
            (gettext("Tells of"), row.kind),
            (gettext("Run"), run),
            (gettext("Channel"), row.channel),
            (gettext("To"), self.reader(row)),
            (gettext("Made"), time_tag(row.created_at)),
            (gettext("Next try"), time_tag(row.due_at) if waiting else ""),
            (gettext("Tries"), row.attempts),
            (gettext("Reason"), row.error),
        ]
        allowed = row.state == NotificationState.PARKED and may_release_notifications(request.user)
        return {
            "title": gettext("Notification"),
            "facts": [(name, value) for name, value in facts if value != ""],
            "release_url": self.links.to("notification_release", row.pk) if allowed else "",
        }

    def release_view(self, request: HttpRequest, notification_id: Any) -> HttpResponse:
        """Let it be sent again."""
        row = self.found(request, str(notification_id))
        if request.method == "POST":
            try:
                release_notification(row.pk, by=request.user)
            except AgentsError as error:
                self.tell(request, error)
            else:
                self.log(request, row, "released")
                messages.success(request, gettext("It is sent again."))
        return HttpResponseRedirect(self.links.row("notification", row.pk))


class ChannelStateAdmin(ReadOnlyAdmin):
    """How the channels stand, for the same people."""

    seen_with = (VIEW_NOTIFICATION, RELEASE_NOTIFICATION)
    list_display = [
        column("name", gettext_lazy("name")),
        "state",
        column("failures", gettext_lazy("failures")),
        column("failing_since", gettext_lazy("failing since")),
        column("retry_at", gettext_lazy("next try")),
        "last_error",
    ]
    list_display_links = None
    ordering = ["name"]

    def may_list(self, user: Any) -> bool:
        return may_view_notifications(user)

    def visible_rows(self, user: Any) -> "QuerySet[ChannelState]":
        rows: QuerySet[ChannelState] = visible_channels(user)
        return rows

    def found(self, request: HttpRequest, object_id: str) -> ChannelState:
        row = self.visible_rows(request.user).filter(name=unquote(object_id.strip("/"))[:100]).first()
        if row is None:
            raise Http404
        return row

    @admin.display(description=gettext_lazy("state"))
    def state(self, row: ChannelState) -> SafeString:
        label = gettext("Failing") if row.failures else gettext("Works")
        tone, name = ("bad", "alert") if row.failures else ("good", "check")
        return format_html('<span class="aa-badge aa-{}">{}{}</span>', tone, icon(name), label)

    @admin.display(description=gettext_lazy("last error"), empty_value="–")
    def last_error(self, row: ChannelState) -> str:
        return revealed(excerpt(row.error))

    def page_context(self, request: HttpRequest, row: ChannelState) -> dict[str, Any]:
        return {"title": row.name, "facts": [(gettext("State"), self.state(row)), (gettext("Reason"), row.error)]}


class NotificationPreferenceAdmin(ReadOnlyAdmin):
    """One's own preferences, and what waits for oneself."""

    seen_with = (DECIDE, VIEW_APPROVAL)

    def may_list(self, user: Any) -> bool:
        return may_watch_inbox(user)

    def visible_rows(self, user: Any) -> "QuerySet[NotificationPreference]":
        return NotificationPreference.objects.filter(user_id=user.pk)

    def own_urls(self) -> list[URLPattern]:
        return [self.own_url("waiting/", self.waiting_view, "waiting")]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """A form instead of a list."""
        self.require(self.may_list(request.user), *self.seen_with)
        failure, status = "", 200
        if request.method == "POST":
            given = {name: request.POST[f"mode-{name}"] for name in self._names(request) if self._said(request, name)}
            try:
                set_preferences(given, by=request.user)
            except AgentsError as error:
                failure, status = gettext(error.message), error.http_status
            else:
                messages.success(request, gettext("Your preferences are kept."))
                return HttpResponseRedirect(self.links.to("notificationpreference_changelist"))
        rows = [
            {
                "name": each.channel,
                "options": [(mode.value, MODES[mode], mode is each.mode) for mode in each.modes],
            }
            for each in own_preferences(request.user)
        ]
        title = gettext("When you are told")
        return self.rendered(
            request, "agents_app/preferences.html", status=status, title=title, rows=rows, failure=failure
        )

    def waiting_view(self, request: HttpRequest) -> HttpResponse:
        """How many requests wait that this person may decide, and the newest of them, for `notify.js`."""
        self.require(self.may_list(request.user), *self.seen_with)
        mine = list(desk_for(request.user).rows(Tab.MINE).order_by("-created_at")[: LOOKED_AT + 1])
        modes = {each.channel: each.mode for each in own_preferences(request.user)}
        told: dict[str, Any] = {"count": len(mine[:LOOKED_AT]), "more": len(mine) > LOOKED_AT, "newest": None}
        if mine and modes.get("browser") is Mode.AT_ONCE:
            told["newest"] = {
                "id": str(mine[0].pk),
                "text": excerpt(mine[0].summary, 140) or mine[0].call.tool,
                "url": self.links.row("approvalrequest", mine[0].pk),
            }
        response = JsonResponse(told)
        response["Cache-Control"] = "no-store"
        return response

    def _names(self, request: HttpRequest) -> list[str]:
        return [each.channel for each in own_preferences(request.user)]

    def _said(self, request: HttpRequest, name: str) -> bool:
        return f"mode-{name}" in request.POST
