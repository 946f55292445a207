"""Events: the immutable record, as it is stored."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy

from agents_app.admin.base import ReadOnlyAdmin
from agents_app.admin.blocks import block
from agents_app.admin.displays import time_tag
from agents_app.admin.filters import EventTypeFilter
from agents_app.core.events import EVENTS, EventType
from agents_app.models import AgentEvent
from agents_app.selectors.people import VIEW_RUN, not_hidden


class AgentEventAdmin(ReadOnlyAdmin):
    """Events, for those with `view_agentcontext`: they hold no words of the conversation."""

    seen_with = (VIEW_RUN,)
    list_display = ["event", "run", "at_time", "means"]
    list_display_links = None
    list_filter = [EventTypeFilter]
    search_fields = ["context__id"]
    search_label = gettext_lazy("Search by id of the run")
    ordering = ["-id"]
    list_select_related = ["context"]
    own_lookups = ("context__id__exact",)

    def visible_rows(self, user: Any) -> "QuerySet[AgentEvent]":
        rows = AgentEvent.objects.select_related("context")
        return not_hidden(rows, user, "context__") if user.is_active and user.has_perm(VIEW_RUN) else rows.none()

    def found(self, request: HttpRequest, object_id: str) -> AgentEvent:
        """Events are numbered; all other rows of this app have UUIDs."""
        rows = self.visible_rows(request.user)
        event = rows.filter(pk=int(object_id)).first() if object_id.isdecimal() and len(object_id) < 19 else None
        if event is None:
            raise Http404(gettext("There is no event %(object_id)s.") % {"object_id": object_id})
        return event

    @admin.display(description=gettext_lazy("event"))
    def event(self, row: AgentEvent) -> SafeString:
        return format_html(
            '<a href="{}">{} <strong>{}</strong></a>', self.links.row("agentevent", row.pk), row.sequence, row.type
        )

    @admin.display(description=gettext_lazy("run"))
    def run(self, row: AgentEvent) -> SafeString:
        return self.links.anchor("agentcontext", row.context.pk, f"{row.context.agent} …{str(row.context.pk)[-8:]}")

    @admin.display(description=gettext_lazy("at"))
    def at_time(self, row: AgentEvent) -> SafeString:
        return time_tag(row.at)

    @admin.display(description=gettext_lazy("means"))
    def means(self, row: AgentEvent) -> str:
        return gettext(EVENTS[EventType(row.type)].meaning)

    def page_context(self, request: HttpRequest, row: AgentEvent) -> dict[str, Any]:
        return {
            "title": gettext("Event %(sequence)s: %(type)s") % {"sequence": row.sequence, "type": row.type},
            "facts": [
                (gettext("Run"), self.run(row)),
                (gettext("Number"), row.sequence),
                (gettext("Type"), row.type),
                (gettext("Means"), gettext(EVENTS[EventType(row.type)].meaning)),
                (gettext("At"), time_tag(row.at)),
            ],
            "blocks": [block("data", gettext("Data"), row.data)],
        }
