"""Filters of the lists. Their choices come from the code, never from reading a whole table."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, gettext_lazy

from agents_app.admin.displays import DISPLAYS, RISKS, Words
from agents_app.core.events import EventType
from agents_app.core.internal import INTERNAL_AGENTS
from agents_app.core.status import ApprovalStatus, InputStatus, RunStatus, ToolCallStatus
from agents_app.definitions.registry import registry
from agents_app.models import database_now
from agents_app.models.context import WAITS_FOR_SLOT
from agents_app.models.fields import first_uuid7


class StatusFilter(SimpleListFilter):
    """By status, with the labels that people see."""

    title = gettext_lazy("status")
    parameter_name = "status"
    kind: type[StrEnum]

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> Iterator[tuple[str, Any]]:
        return ((status.value, display.label) for status, display in DISPLAYS[self.kind].items())

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return queryset.filter(status=self.value()) if self.value() else queryset


def status_filter(kind: type[StrEnum]) -> type[StatusFilter]:
    """The filter for the statuses of one enumeration."""
    return type(f"{kind.__name__}Filter", (StatusFilter,), {"kind": kind})


RunStatusFilter = status_filter(RunStatus)
ToolCallStatusFilter = status_filter(ToolCallStatus)
ApprovalStatusFilter = status_filter(ApprovalStatus)
InputStatusFilter = status_filter(InputStatus)


class WordsFilter(SimpleListFilter):
    """By a field whose values have words for people."""

    words: Mapping[StrEnum, Words]

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> Iterator[tuple[str, Any]]:
        return ((value.value, words) for value, words in self.words.items())

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return queryset.filter(**{str(self.parameter_name): self.value()}) if self.value() else queryset


def words_filter(field: str, title: Words, words: Mapping[Any, Words]) -> type[WordsFilter]:
    """The filter for the values of one field, in these words."""
    own = {"parameter_name": field, "title": title, "words": words}
    return type(f"{field.capitalize()}Filter", (WordsFilter,), own)


RiskFilter = words_filter("risk", gettext_lazy("risk"), {risk: display.label for risk, display in RISKS.items()})


class SlotFilter(SimpleListFilter):
    """Those that are held back at a limit."""

    title = gettext_lazy("limits")
    parameter_name = "slot"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> list[tuple[str, str]]:
        return [("waits", gettext("Waits for a free slot"))]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return queryset.filter(WAITS_FOR_SLOT) if self.value() == "waits" else queryset


class InternalFilter(SimpleListFilter):
    """Those of this app's own, or all others."""

    title = gettext_lazy("work")
    parameter_name = "internal"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> list[tuple[str, str]]:
        return [("no", gettext("For users")), ("yes", gettext("Internal: memory's own"))]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        if self.value() == "yes":
            return queryset.filter(agent__in=INTERNAL_AGENTS)
        return queryset.exclude(agent__in=INTERNAL_AGENTS) if self.value() == "no" else queryset


class AgentFilter(SimpleListFilter):
    """By agent, among those that are registered."""

    title = gettext_lazy("agent")
    parameter_name = "agent"
    field = "agent"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> Iterator[tuple[str, str]]:
        return ((definition.name, definition.name) for definition in registry.all())

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return queryset.filter(**{self.field: self.value()}) if self.value() else queryset


class AgentOfRunFilter(AgentFilter):
    """By the agent of the row's run."""

    field = "context__agent"


class EventTypeFilter(SimpleListFilter):
    """By type of event."""

    title = gettext_lazy("type")
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> Iterator[tuple[str, str]]:
        return ((kind.value, kind.value) for kind in EventType)

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return queryset.filter(type=self.value()) if self.value() else queryset


UP_TO = {
    "day": gettext_lazy("Up to a day"),
    "week": gettext_lazy("Up to a week"),
    "month": gettext_lazy("Up to a month"),
    "quarter": gettext_lazy("Up to a quarter"),
}
OVER = {
    "day": gettext_lazy("Over a day"),
    "week": gettext_lazy("Over a week"),
    "month": gettext_lazy("Over a month"),
    "quarter": gettext_lazy("Over a quarter"),
}


class AgeFilter(SimpleListFilter):
    """By when a row was made, read from its time-ordered key: what is far down a list is found by it."""

    title = gettext_lazy("age")
    parameter_name = "age"
    ages = {"day": 1, "week": 7, "month": 30, "quarter": 90}

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> Iterator[tuple[str, Any]]:
        for name in self.ages:
            yield name, UP_TO[name]
        for name in self.ages:
            yield f"over-{name}", OVER[name]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        over, name = str(self.value() or "").startswith("over-"), str(self.value() or "").removeprefix("over-")
        if name not in self.ages:
            return queryset
        since = first_uuid7(database_now() - timedelta(days=self.ages[name]))
        return queryset.filter(pk__lt=since) if over else queryset.filter(pk__gte=since)
