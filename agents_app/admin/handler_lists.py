"""What the list of event handlers is narrowed by, and how it is counted: there is a row for each handler and run."""

from collections.abc import Iterator
from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.core.paginator import Paginator
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext, gettext_lazy

from agents_app.models import EventCursor
from agents_app.selectors.handlers import handler_names

COUNTED = 5_000
"""Rows that the list counts and shows at most; who looks for others narrows it."""


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Never counts a whole table."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[:COUNTED].count())


FAILING = Q(parked_at__isnull=True, wanted__gt=F("sequence")) & ~Q(error="")
STATES = {
    "parked": (gettext_lazy("Parked"), Q(parked_at__isnull=False)),
    "failing": (gettext_lazy("Failing"), FAILING),
    "waiting": (gettext_lazy("Waiting"), Q(parked_at__isnull=True, wanted__gt=F("sequence"), error="")),
    "all": (gettext_lazy("All"), Q()),
}


class CursorStateFilter(SimpleListFilter):
    """By state; without a choice what somebody should look at. All of them would be all runs that there are."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> Iterator[tuple[str, Any]]:
        return ((name, label) for name, (label, _) in STATES.items())

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice in super().choices(changelist):
            first = "state" not in choice.get("query_string", "")
            yield {**choice, "display": gettext("Parked or failing")} if first else choice

    def queryset(self, request: HttpRequest, queryset: "QuerySet[EventCursor]") -> "QuerySet[EventCursor]":
        if self.value() in STATES:
            return queryset.filter(STATES[str(self.value())][1])
        return queryset.filter(Q(parked_at__isnull=False) | FAILING)


class HandlerFilter(SimpleListFilter):
    """By handler, among those that the code knows and those that a process registered some time."""

    title = gettext_lazy("handler")
    parameter_name = "handler"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> Iterator[tuple[str, str]]:
        return ((name, name) for name in handler_names())

    def queryset(self, request: HttpRequest, queryset: "QuerySet[EventCursor]") -> "QuerySet[EventCursor]":
        return queryset.filter(handler=self.value()) if self.value() else queryset
