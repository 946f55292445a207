"""What agents remember: facts, entities and working memories, with their history; correcting and deleting them."""

import json
from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agents_app.admin.columns import column
from agents_app.admin.displays import excerpt, time_tag
from agents_app.admin.filters import words_filter
from agents_app.admin.memory_entries import ACTS
from agents_app.admin.memory_export import ExportsMemory
from agents_app.admin.memory_forms import VISIBILITIES, EntityForm, FactForm, WithReason, WorkingForm
from agents_app.admin.revealed import revealed
from agents_app.core.memory import MemoryAct, MemoryOrigin, Standing, Visibility, trusted
from agents_app.exceptions import AgentsError
from agents_app.models import AgentContext, Entity, Fact, MemoryChange, WorkingMemory, database_now
from agents_app.selectors.memory import (
    CHANGE_MEMORY,
    VIEW_MEMORY,
    history_of,
    may_change_memory,
    may_view_memory,
    visible_entities,
    visible_facts,
    visible_working_memories,
)
from agents_app.services import (
    correct_entity,
    correct_fact,
    forget_entity,
    forget_fact,
    forget_working_memory,
    merge_entities,
    update_working_memory,
)

HISTORY_SHOWN = 50

ORIGINS = {
    MemoryOrigin.PERSON: gettext_lazy("staff"),
    MemoryOrigin.USER: gettext_lazy("the user"),
    MemoryOrigin.LLM: gettext_lazy("an LLM"),
    MemoryOrigin.TOOL: gettext_lazy("the result of a tool"),
    MemoryOrigin.DOCUMENT: gettext_lazy("a document"),
}
OriginFilter = words_filter("origin", gettext_lazy("origin"), ORIGINS)
VisibilityFilter = words_filter("visibility", gettext_lazy("visibility"), VISIBILITIES)
STANDINGS = {
    Standing.LIVE: ("good", gettext_lazy("Counts")),
    Standing.TO_COME: ("waiting", gettext_lazy("Will count")),
    Standing.EXPIRED: ("quiet", gettext_lazy("Expired")),
    Standing.SUPERSEDED: ("quiet", gettext_lazy("Superseded")),
    Standing.FORGOTTEN: ("quiet", gettext_lazy("Forgotten")),
}


class _MemoryAdmin(ExportsMemory):
    """For those who may see memory; correcting and deleting takes the permission to change it."""

    seen_with = (VIEW_MEMORY, CHANGE_MEMORY)
    page_template = "agents_app/memory.html"
    list_display_links = None
    form_class: ClassVar[type[WithReason]]
    correct: ClassVar[Callable[..., Any]]
    forget: ClassVar[Callable[..., Any]]

    def may_list(self, user: Any) -> bool:
        return may_view_memory(user)

    def own_urls(self) -> list[URLPattern]:
        return [
            *super().own_urls(),
            self.own_url("<path:key>/correct/", self.correct_view, "correct"),
            self.own_url("<path:key>/forget/", self.forget_view, "forget"),
        ]

    def filled(self, row: Any) -> dict[str, Any]:
        """What the form begins with."""
        raise NotImplementedError

    def may_correct(self, user: Any, row: Any) -> bool:
        return may_change_memory(user) and row.standing_at(database_now()) in (Standing.LIVE, Standing.TO_COME)

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        name = self.opts.model_name
        own = self.may_correct(request.user, row)
        return {
            "facts": [(label, value) for label, value in self.facts(row) if value not in ("", None)],
            "form": self.form_class(initial=self.filled(row)) if own else None,
            "correct_url": self.links.to(f"{name}_correct", row.pk) if own else "",
            "forget_url": self.links.to(f"{name}_forget", row.pk) if own else "",
            "export_url": self.export_url(request.user, row.user_name) if row.user_name else "",
            "history": [self._told(change) for change in history_of(row)[:HISTORY_SHOWN]],
        }

    def facts(self, row: Any) -> list[tuple[str, Any]]:
        """What the page tells of it."""
        raise NotImplementedError

    def whose(self, row: Any) -> list[tuple[str, Any]]:
        """Of whom it is, from whom, and for whom."""
        session = self.links.anchor("agentsession", row.session_id, row.session.key) if row.session_id else ""
        return [
            (_("State"), self.state(row)),
            (_("Of the user"), row.user_name),
            (_("In the session"), session),
            (_("Written by"), self.origin_of(row)),
            (_("Read in"), row.origin_detail),
            (_("Who may see it"), VISIBILITIES[Visibility(row.visibility)]),
            (_("From"), self.source(row.run_key, row.step, row.agent)),
            (_("Since"), time_tag(row.created_at)),
            (_("Confirmed or changed"), time_tag(row.updated_at)),
        ]

    def source(self, run: Any, step: int | None, agent: str) -> SafeString | str:
        """The run and the step that it comes from; the run may be gone."""
        if run is None:
            return agent
        where = _("step %(number)s of a run of %(agent)s") % {"number": step or "–", "agent": agent}
        return self.links.anchor("agentcontext", run, where) if AgentContext.objects.filter(pk=run).exists() else where

    @admin.display(description=gettext_lazy("written by"), ordering="origin")
    def origin_of(self, row: Any) -> SafeString:
        by = row.by_name if getattr(row, "by_name", "") else str(ORIGINS[MemoryOrigin(row.origin)])
        if trusted(row.origin):
            return format_html("{}", by)
        return format_html('{} <span class="aa-badge aa-waiting">{}</span>', by, _("untrusted"))

    @admin.display(description=gettext_lazy("state"))
    def state(self, row: Any) -> SafeString:
        tone, label = STANDINGS[row.standing_at(database_now())]
        return format_html('<span class="aa-badge aa-{}">{}</span>', tone, label)

    def _told(self, change: MemoryChange) -> dict[str, Any]:
        return {
            "at": time_tag(change.at),
            "act": ACTS[MemoryAct(change.act)],
            "by": change.by_name or self.source(change.run_key, change.step, change.agent),
            "reason": revealed(change.reason),
            "before": revealed(_shown(change.before)),
            "after": revealed(_shown(change.after)),
        }

    def correct_view(self, request: HttpRequest, key: str) -> HttpResponse:
        """Put what is right in its place."""
        row = self.found(request, key)
        self.require(may_change_memory(request.user), CHANGE_MEMORY)
        form = self.form_class(request.POST or None, initial=self.filled(row))
        if request.method != "POST":
            return HttpResponseRedirect(self.links.row(str(self.opts.model_name), row.pk))
        if form.is_valid():
            try:
                now = type(self).correct(row.pk, by=request.user, **form.values())
            except AgentsError as error:
                form.add_error(None, _(error.message))
            else:
                self.log(request, now, "corrected")
                messages.success(request, _("It is corrected."))
                return HttpResponseRedirect(self.links.row(str(self.opts.model_name), now.pk))
        return self.page(request, row, status=400, form=form)

    def forget_view(self, request: HttpRequest, key: str) -> HttpResponse:
        """Let it count no more."""
        row = self.found(request, key)
        if request.method == "POST":
            try:
                type(self).forget(row.pk, by=request.user, reason=request.POST.get("reason", ""))
            except AgentsError as error:
                self.tell(request, error)
            else:
                self.log(request, row, "forgotten")
                messages.success(request, _("It is forgotten: no run is told of it any more."))
        return HttpResponseRedirect(self.links.row(str(self.opts.model_name), row.pk))


class FactAdmin(_MemoryAdmin):
    """Facts."""

    list_display = ["what", column("key", gettext_lazy("key")), "owner", "origin_of", "state", "changed"]
    list_filter = [OriginFilter, VisibilityFilter]
    search_fields = ["user_name", "key", "text"]
    nothing_yet = gettext_lazy(
        "Nothing is remembered of anybody yet. Agents with Memory(facts=True) keep what they learn of a user here."
    )
    search_label = gettext_lazy("Search by user, key or text")
    form_class = FactForm
    correct = staticmethod(correct_fact)
    forget = staticmethod(forget_fact)

    def visible_rows(self, user: Any) -> "QuerySet[Fact]":
        return visible_facts(user)

    @admin.display(description=gettext_lazy("fact"))
    def what(self, row: Fact) -> SafeString:
        return self.links.anchor("fact", row.pk, revealed(excerpt(row.text, 80)))

    @admin.display(description=gettext_lazy("user"), ordering="user_name", empty_value="–")
    def owner(self, row: Fact) -> str:
        return row.user_name

    @admin.display(description=gettext_lazy("changed"), ordering="updated_at")
    def changed(self, row: Fact) -> SafeString:
        return time_tag(row.updated_at)

    def facts(self, row: Fact) -> list[tuple[str, Any]]:
        newer = self.links.anchor("fact", row.superseded_by_id, _("a newer fact")) if row.superseded_by_id else ""
        return [
            (_("Text"), revealed(row.text)),
            (_("Key"), row.key),
            *self.whose(row),
            (_("Confidence"), f"{row.confidence:.0%}"),
            (_("Valid from"), time_tag(row.valid_from) if row.valid_from else ""),
            (_("Valid until"), time_tag(row.valid_until) if row.valid_until else ""),
            (_("Superseded by"), newer),
        ]

    def filled(self, row: Fact) -> dict[str, Any]:
        return {name: getattr(row, name) for name in ("text", "key", "visibility", "valid_until")}


class EntityAdmin(_MemoryAdmin):
    """Entities."""

    list_display = ["what", column("type", gettext_lazy("type")), "owner", "origin_of", "state", "changed"]
    list_filter = [OriginFilter, VisibilityFilter]
    search_fields = ["user_name", "name", "type"]
    nothing_yet = gettext_lazy(
        "No people or things are remembered yet. Agents with Memory(entities=True) keep those they hear of here."
    )
    search_label = gettext_lazy("Search by user, name or type")
    form_class = EntityForm
    correct = staticmethod(correct_entity)
    forget = staticmethod(forget_entity)

    def visible_rows(self, user: Any) -> "QuerySet[Entity]":
        return visible_entities(user)

    def own_urls(self) -> list[URLPattern]:
        return [*super().own_urls(), self.own_url("<path:key>/merge/", self.merge_view, "merge")]

    @admin.display(description=gettext_lazy("entity"), ordering="name")
    def what(self, row: Entity) -> SafeString:
        return self.links.anchor("entity", row.pk, revealed(excerpt(row.name, 80)))

    @admin.display(description=gettext_lazy("user"), ordering="user_name", empty_value="–")
    def owner(self, row: Entity) -> str:
        return row.user_name

    @admin.display(description=gettext_lazy("changed"), ordering="updated_at")
    def changed(self, row: Entity) -> SafeString:
        return time_tag(row.updated_at)

    def facts(self, row: Entity) -> list[tuple[str, Any]]:
        into = self.links.anchor("entity", row.merged_into_id, _("another entity")) if row.merged_into_id else ""
        return [
            (_("Name"), revealed(row.name)),
            (_("Type"), row.type),
            (_("Other names"), revealed(", ".join(row.aliases))),
            (_("Attributes"), _in_lines(row.attributes)),
            *self.whose(row),
            (_("Merged into"), into),
        ]

    def filled(self, row: Entity) -> dict[str, Any]:
        aliases = "\n".join(row.aliases)
        return {"type": row.type, "name": row.name, "attributes": row.attributes, "aliases": aliases}

    def page_context(self, request: HttpRequest, row: Entity) -> dict[str, Any]:
        shown = super().page_context(request, row)
        if not shown["form"]:
            return shown
        others = Entity.objects.live().filter(place=row.place, type=row.type).exclude(pk=row.pk)
        return {**shown, "merge_url": self.links.to("entity_merge", row.pk), "others": others[:HISTORY_SHOWN]}

    def merge_view(self, request: HttpRequest, key: str) -> HttpResponse:
        """Say that it is the same as another one."""
        row = self.found(request, key)
        if request.method == "POST":
            try:
                row = merge_entities(row.pk, request.POST.get("into", ""), by=request.user)
            except AgentsError as error:
                self.tell(request, error)
            else:
                self.log(request, row, "merged")
                messages.success(request, _("They are one now."))
        return HttpResponseRedirect(self.links.row("entity", row.pk))


class WorkingMemoryAdmin(_MemoryAdmin):
    """Working memories of sessions."""

    list_display = ["what", "owner", column("version", gettext_lazy("version")), "origin_of", "changed"]
    search_fields = ["user_name", "session__key"]
    nothing_yet = gettext_lazy(
        "No session has a working memory yet. Agents with Memory(working=True) keep what they are in the midst of here."
    )
    search_label = gettext_lazy("Search by user or session")
    ordering = ["-updated_at"]
    form_class = WorkingForm
    correct = staticmethod(update_working_memory)
    forget = staticmethod(forget_working_memory)

    def visible_rows(self, user: Any) -> "QuerySet[WorkingMemory]":
        return visible_working_memories(user)

    def may_correct(self, user: Any, row: Any) -> bool:
        return may_change_memory(user)

    @admin.display(description=gettext_lazy("session"))
    def what(self, row: WorkingMemory) -> SafeString:
        return self.links.anchor("workingmemory", row.pk, row.session.key)

    @admin.display(description=gettext_lazy("user"), ordering="user_name", empty_value="–")
    def owner(self, row: WorkingMemory) -> str:
        return row.user_name

    @admin.display(description=gettext_lazy("changed"), ordering="updated_at")
    def changed(self, row: WorkingMemory) -> SafeString:
        return time_tag(row.updated_at)

    def facts(self, row: WorkingMemory) -> list[tuple[str, Any]]:
        return [
            (_("Document"), _in_lines(row.document)),
            (_("Version"), row.version),
            (_("Of the user"), row.user_name),
            (_("In the session"), self.links.anchor("agentsession", row.pk, row.session.key)),
            (_("Written by"), self.origin_of(row)),
            (_("Changed"), time_tag(row.updated_at)),
        ]

    def filled(self, row: WorkingMemory) -> dict[str, Any]:
        return {"changes": row.document, "version": row.version}


def _in_lines(value: Any) -> SafeString | str:
    return format_html("<pre>{}</pre>", revealed(_shown(value))) if value else ""


def _shown(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False, indent=1)
