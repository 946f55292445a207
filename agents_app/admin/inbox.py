"""The inbox: what waits for me, for my groups, and all; what is due first at the top."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.contrib.admin.views.main import ERROR_FLAG, PAGE_VAR
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import get_script_prefix
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agents_app.admin.base import ReadOnlyAdmin
from agents_app.admin.displays import RISKS, badge, excerpt, short_time
from agents_app.admin.filters import AgeFilter, AgentOfRunFilter, ApprovalStatusFilter, RiskFilter
from agents_app.admin.icons import icon
from agents_app.admin.pages import PendingAlone, PendingFirst
from agents_app.admin.request_page import in_words
from agents_app.admin.revealed import revealed
from agents_app.core.risk import Risk
from agents_app.core.status import ApprovalStatus
from agents_app.models import ApprovalRequest, database_now
from agents_app.selectors.inbox import Desk, Tab
from agents_app.selectors.people import (
    DECIDE,
    VIEW_APPROVAL,
    VIEW_TRANSCRIPT,
    may_view_transcript,
    may_watch_inbox,
    visible_approvals,
)
from agents_app.selectors.runs import at_most, is_id
from agents_app.services.inbox import desk_for

TABS = {
    Tab.MINE: gettext_lazy("Mine"),
    Tab.GROUPS: gettext_lazy("My groups'"),
    Tab.ALL: gettext_lazy("All"),
}
COUNTED = 200
"""What waits in a part is counted up to here: it is told on every page, and a longer list is not read to its end."""
SHOWN = (
    *("status", "summary", "risk", "claimed_by_name", "expires_at", "created_at", "requester_name"),
    *("call__tool", "call__number"),
    *("context__agent", "context__user", "context__hidden_at", "context__details__user_name"),
)
"""What a row of the list shows. The rest is left where it is: arguments, results and inputs may be long."""
SOON_SECONDS = 3600
"""Less time left than this is shown as urgent."""


def tab_of(request: HttpRequest) -> Tab:
    """The part of the inbox that is looked at. Who asks for something decided, or by its id, means all of it: in the
    other parts nothing is decided."""
    given = request.GET.get("tab")
    if given in list(Tab):
        decided = request.GET.get("status", "") not in ("", ApprovalStatus.PENDING)
        return Tab.ALL if decided else Tab(given)
    elsewhere = "status" in request.GET or is_id(request.GET.get("q", "").strip())
    return Tab.ALL if elsewhere or not request.user.has_perm(DECIDE) else Tab.MINE


def desk_of_request(request: HttpRequest) -> Desk:
    """Who this person is, looked up once for a page."""
    known = getattr(request, "agents_desk", None)
    if known is None:
        known = request.agents_desk = desk_for(request.user)  # type: ignore[attr-defined]
    desk: Desk = known
    return desk


class TabFilter(SimpleListFilter):
    """Which part of the inbox; shown as tabs above the list, not beside it."""

    title = gettext_lazy("part")
    parameter_name = "tab"
    template = "agents_app/parts/no_filter.html"

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: "ModelAdmin[Any]") -> None:
        super().__init__(request, params, model, model_admin)
        self.tab = tab_of(request)

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> list[tuple[str, Any]]:
        return [(tab.value, label) for tab, label in TABS.items()]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        if self.tab is Tab.ALL:
            return queryset
        return queryset.filter(desk_of_request(request).within(self.tab))


class InboxList(ReadOnlyAdmin):
    """The list of approval requests."""

    seen_with = (DECIDE, VIEW_APPROVAL)
    nothing_yet = gettext_lazy("Nothing waits for you.")
    list_display = ["question", "time_left", "stake", "tool", "asked_by"]
    list_display_links = None
    show_facets = admin.ShowFacets.NEVER  # they count without a limit
    list_filter = [TabFilter, ApprovalStatusFilter, RiskFilter, AgentOfRunFilter, AgeFilter]
    search_fields = ["id", "context__id", "call__tool", "context__agent", "requester_name"]
    search_label = gettext_lazy("Search by id of the request or run, tool, agent, requester or what will happen")
    ordering = ["-id"]
    paginator = PendingFirst

    def may_list(self, user: Any) -> bool:
        return may_watch_inbox(user)

    def visible_rows(self, user: Any) -> "QuerySet[ApprovalRequest]":
        rows: QuerySet[ApprovalRequest] = visible_approvals(user)
        return rows

    def get_paginator(self, request: HttpRequest, queryset: Any, *args: Any, **options: Any) -> Any:
        """Parts in which everything waits need no look at what is decided."""
        if queryset.model is not self.model:  # the entries of the history have an order of their own
            return super().get_paginator(request, queryset, *args, **options)
        tab, queryset = tab_of(request), queryset.only(*SHOWN)
        if tab is Tab.ALL:
            return PendingFirst(queryset, *args, **options)
        pages = PendingAlone(queryset, *args, **options)
        given = request.GET.get(PAGE_VAR, "")
        pages.asked = int(given) if given.isdecimal() and len(given) < 5 else 1
        pages.few = tab is Tab.GROUPS
        return pages

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        """What will happen is searched by those who may read it."""
        reads = request.user.has_perm(DECIDE) or request.user.has_perm(VIEW_TRANSCRIPT)
        return [*self.search_fields, "summary"] if reads else list(self.search_fields)

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        """Parts in which everything waits need no filter by status."""
        everything = tab_of(request) is Tab.ALL or "status" in request.GET
        return [each for each in self.list_filter if everything or each is not ApprovalStatusFilter]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return [*(["status_badge"] if tab_of(request) is Tab.ALL else []), *self.list_display]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, which goes on by itself."""
        inbox = {"inbox": True, "inbox_socket": inbox_socket(request)}
        return super().changelist_view(request, {**inbox, **(extra_context or {})})

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list, with each row marked whether this person may read it."""
        changes: Any = super().get_changelist_instance(request)
        # Where one page is enough Django leaves the paginator out, which knows the order.
        changes.result_list = changes.paginator.page(changes.page_num).object_list
        if changes.result_list:
            self._prepare(request, changes.result_list)
        changes.tabs = list(tabs_of(request, known=self._known(request, changes)))
        return changes

    def _prepare(self, request: HttpRequest, rows: Any) -> None:
        now = database_now()
        shown = ApprovalRequest.objects.filter(pk__in=[row.pk for row in rows])
        put_to_me = set(shown.filter(desk_of_request(request).decidable()).values_list("pk", flat=True))
        for row in rows:
            row.readable = row.pk in put_to_me or may_view_transcript(request.user, row.context)
            row.now = now

    def _known(self, request: HttpRequest, changes: Any) -> int | None:
        """How much waits in the part that is shown, if its pages had to find out."""
        narrowed = {name for name, value in request.GET.items() if value} - {"tab", PAGE_VAR, ERROR_FLAG}
        alone = isinstance(changes.paginator, PendingAlone) and not narrowed
        return int(changes.paginator.found) if alone else None

    # Columns.

    @admin.display(description=gettext_lazy("status"))
    def status_badge(self, row: ApprovalRequest) -> SafeString:
        return badge(ApprovalStatus(row.status))

    @admin.display(description=gettext_lazy("request"))
    def question(self, row: ApprovalRequest) -> SafeString:
        readable = getattr(row, "readable", False)
        text = revealed(excerpt(row.summary, 140)) if readable else f"{row.call.tool} #{row.call.number}"
        link = self.links.anchor("approvalrequest", row.pk, text)
        if row.status != ApprovalStatus.PENDING or not row.claimed_by_name:
            return link
        return format_html(
            "{}<br><small>{}</small>", link, _("Taken on by %(name)s") % {"name": revealed(row.claimed_by_name)}
        )

    @admin.display(description=gettext_lazy("risk"))
    def stake(self, row: ApprovalRequest) -> SafeString:
        return risk_badge(row.risk)

    @admin.display(description=gettext_lazy("tool"))
    def tool(self, row: ApprovalRequest) -> SafeString:
        return format_html("{}<br><small>{}</small>", row.call.tool, _("of %(agent)s") % {"agent": row.context.agent})

    @admin.display(description=gettext_lazy("asked for by"))
    def asked_by(self, row: ApprovalRequest) -> SafeString:
        """By whom and when: in one column, so that the list is no wider than what most screens show."""
        now, name = getattr(row, "now", None), row.requester_name or row.context.details.user_name
        ago = ""
        if now is not None and row.status == ApprovalStatus.PENDING:
            ago = _("%(time)s ago") % {"time": in_words((now - row.created_at).total_seconds())}
        return format_html("{}<br> <small>{}<br> {}</small>", revealed(name or "–"), short_time(row.created_at), ago)

    @admin.display(description=gettext_lazy("time left"))
    def time_left(self, row: ApprovalRequest) -> SafeString:
        return left_of(row, getattr(row, "now", None))


def tabs_of(request: HttpRequest, *, known: int | None = None) -> Iterator[dict[str, Any]]:
    """The tabs with how much waits in each, up to COUNTED, whatever else the list is narrowed by. known: how much waits
    in the one that is shown."""
    desk, now = desk_of_request(request), tab_of(request)
    for tab, label in TABS.items():
        if tab is Tab.GROUPS and not desk.groups:
            continue
        rows = desk.rows(tab).select_related(None)
        found = known if tab is now and known is not None else at_most(rows, COUNTED + 1)
        given = request.GET.copy()
        for name in ("p", "status", "e"):
            given.pop(name, None)
        given["tab"] = tab.value
        count = f"{COUNTED}+" if found > COUNTED else str(found)
        yield {
            "label": label,
            "count": count,
            "url": f"?{given.urlencode()}",
            "here": tab is now,
            "mine": tab is Tab.MINE,
        }


def risk_badge(risk: str) -> SafeString:
    """A risk as a small label with an icon."""
    shown = RISKS[Risk(risk)]
    return format_html('<span class="aa-badge aa-{}">{}{}</span>', shown.tone, icon(shown.icon), shown.label)


def left_of(row: ApprovalRequest, now: datetime | None) -> SafeString:
    """How long there is to decide, with the moment at which that ends."""
    if row.status != ApprovalStatus.PENDING or now is None:
        return SafeString("–")
    if row.expires_at is None:
        return SafeString(_("no end"))
    seconds = (row.expires_at - now).total_seconds()
    text = _("over") if seconds <= 0 else in_words(seconds)
    urgent = " aa-urgent" if seconds < SOON_SECONDS else ""
    return format_html(
        '<span class="aa-left{}">{}</span><br><small>{}</small>', urgent, text, short_time(row.expires_at)
    )


def inbox_socket(request: HttpRequest) -> str:
    """Where the list may listen for news; empty under WSGI or without Channels, where nothing would answer."""
    answered = hasattr(request, "scope") and apps.is_installed("channels")
    return f"{get_script_prefix()}ws/approvals/" if answered else ""
