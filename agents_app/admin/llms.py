"""LLMs that have limits or have failed: what is down since when and why, and who waits."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy

from agents_app.admin.base import ReadOnlyAdmin
from agents_app.admin.columns import column
from agents_app.admin.displays import time_tag
from agents_app.admin.icons import icon
from agents_app.exceptions import AgentsError, NotFound
from agents_app.models import LLMState
from agents_app.selectors.llms import (
    CLOSE_BREAKER,
    VIEW_LLM,
    BreakerState,
    breaker_of,
    llm_named,
    may_close_breakers,
    may_view_llms,
    places_of,
    visible_llms,
)
from agents_app.services import close_breaker

LABELS = {
    BreakerState.CLOSED: ("good", "check", gettext_lazy("Up")),
    BreakerState.OPEN: ("bad", "alert", gettext_lazy("Down")),
    BreakerState.HALF_OPEN: ("waiting", "clock", gettext_lazy("Tried next")),
}
"""How a breaker looks: tone, icon and label."""

SENTENCES = {
    BreakerState.CLOSED: gettext_lazy("It is asked."),
    BreakerState.OPEN: gettext_lazy(
        "It failed too often: for a while nobody asks it. Runs wait, or ask their fallback."
    ),
    BreakerState.HALF_OPEN: gettext_lazy("It failed too often. One call finds out whether it is up again."),
}


class LLMStateAdmin(ReadOnlyAdmin):
    """LLMs, for those with `view_llmstate` or `close_breaker`."""

    seen_with = (VIEW_LLM, CLOSE_BREAKER)
    page_template = "agents_app/llm.html"
    nothing_yet = gettext_lazy("All is well: no LLM has a limit, and none has failed.")
    list_display = ["llm", "state", column("failures", gettext_lazy("failures")), "last_error", "since", "until"]
    list_display_links = None
    search_fields = ["name"]
    search_label = gettext_lazy("Search by name. Only LLMs that have limits, or have failed, are listed.")
    ordering = ["name"]

    def may_list(self, user: Any) -> bool:
        return may_view_llms(user)

    def visible_rows(self, user: Any) -> "QuerySet[LLMState]":
        return visible_llms(user)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": "LLMs", **(extra_context or {})})

    def own_urls(self) -> list[URLPattern]:
        return [self.own_url("<path:name>/close/", self.close_view, "close")]

    def found(self, request: HttpRequest, object_id: str) -> LLMState:
        try:
            return llm_named(self.visible_rows(request.user), unquote(object_id.strip("/")))
        except NotFound as error:
            raise Http404(error.message) from error

    @admin.display(description=gettext_lazy("LLM"), ordering="name")
    def llm(self, row: LLMState) -> SafeString:
        return self.links.anchor("llmstate", quote(row.pk), row.name)

    @admin.display(description=gettext_lazy("state"))
    def state(self, row: LLMState) -> SafeString:
        tone, name, label = LABELS[breaker_of(row)]
        return format_html('<span class="aa-badge aa-{}">{}{}</span>', tone, icon(name), label)

    @admin.display(description=gettext_lazy("last error"), empty_value="–")
    def last_error(self, row: LLMState) -> str:
        return row.error_code

    @admin.display(description=gettext_lazy("down since"))
    def since(self, row: LLMState) -> SafeString:
        return time_tag(row.opened_at)

    @admin.display(description=gettext_lazy("asked again from"))
    def until(self, row: LLMState) -> SafeString:
        return time_tag(row.open_until)

    def page_context(self, request: HttpRequest, row: LLMState) -> dict[str, Any]:
        state = breaker_of(row)
        under_way, waiting = places_of(row.name)
        down = state is not BreakerState.CLOSED
        facts = [
            (gettext("State"), self.state(row)),
            (gettext("Failures in a row"), row.failures),
            (gettext("Down since"), time_tag(row.opened_at) if down else ""),
            (gettext("Asked again from"), time_tag(row.open_until) if down else ""),
            (gettext("Last error"), f"{row.error} ({row.error_code})" if row.error_code else ""),
            (gettext("Calls under way"), under_way),
            (gettext("Runs that wait"), waiting),
            (
                gettext("All its requests may be made from"),
                time_tag(row.requests_full_at) if row.requests_full_at else "",
            ),
            (gettext("All its tokens may be used from"), time_tag(row.tokens_full_at) if row.tokens_full_at else ""),
            (gettext("Tokens of a call lately"), round(row.tokens_per_call) if row.tokens_per_call else ""),
        ]
        closing = down and may_close_breakers(request.user)
        return {
            "title": gettext("LLM %(name)s") % {"name": row.name},
            "meaning": SENTENCES[state],
            "facts": [(name, value) for name, value in facts if value != ""],
            "close_url": self.links.to("llmstate_close", quote(row.pk)) if closing else "",
        }

    def close_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """Let it be asked again at once."""
        row = self.found(request, name)
        if request.method == "POST":
            try:
                closed = close_breaker(row.name, by=request.user)
            except AgentsError as error:
                self.tell(request, error)
            else:
                if closed:
                    self.log(request, row, "closed its breaker")
                messages.success(request, gettext("%(name)s is asked again.") % {"name": row.name})
        return HttpResponseRedirect(self.links.row("llmstate", quote(row.pk)))
