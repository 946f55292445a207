"""Rows in the order of their keys, so that memory stays small and no cursor stays open."""

from collections.abc import Iterator
from typing import TypeVar

from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)


def by_key(rows: "QuerySet[M]", portion: int) -> Iterator[M]:
    """All of them, a portion at a time. Each is read to its end: who asks for the next row may be another thread, with
    another connection, as where a download is sent from an event loop. `iterator()` would leave a cursor behind."""
    rows = rows.order_by("pk")
    found = list(rows[:portion])
    while found:
        yield from found
        found = list(rows.filter(pk__gt=found[-1].pk)[:portion])
