"""Filters of the lists. Their choices come from the code, never from reading a whole table."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest

from agents_app.admin.displays import DISPLAYS
from agents_app.core.events import EventType
from agents_app.core.status import ApprovalStatus, InputStatus, RunStatus, ToolCallStatus
from agents_app.definitions.registry import registry


class StatusFilter(SimpleListFilter):
    """By status, with the labels that people see."""

    title = "status"
    parameter_name = "status"
    kind: type[StrEnum]

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> Iterator[tuple[str, str]]:
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


class AgentFilter(SimpleListFilter):
    """By agent, among those that are registered."""

    title = "agent"
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

    title = "type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> Iterator[tuple[str, str]]:
        return ((kind.value, kind.value) for kind in EventType)

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return queryset.filter(type=self.value()) if self.value() else queryset
