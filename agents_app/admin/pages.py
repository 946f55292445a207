"""Pages of lists that do not count their table: what grows for ever must not make a list slower."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from django.core.paginator import Page, Paginator

from agents_app.core.status import ApprovalStatus
from agents_app.selectors.people import DUE_FIRST
from agents_app.selectors.runs import at_most

MOST = 1000
"""Rows that the pages of a list reach; beyond them one narrows the list down, by filters or a search."""
AT_FIRST = 200
"""Rows that the pages of a part of the inbox reach at first; who turns to later ones finds more."""


class FewPages(Paginator):  # type: ignore[type-arg]  # not generic when it runs
    """Knows up to `reach` rows. `more`: there are more than that."""

    @property
    def reach(self) -> int:
        """The rows that the pages show at most."""
        return MOST

    @cached_property
    def found(self) -> int:
        """How many rows there are, but no more than one beyond the reach are looked at."""
        # In the order of the list, which is that of an index.
        rows: Any = self.object_list
        return int(rows[: self.reach + 1].count())

    @cached_property
    def count(self) -> int:
        """The rows that the pages show."""
        return min(self.found, self.reach)

    @property
    def more(self) -> bool:
        """Whether there are rows that no page shows."""
        return self.found > self.reach


class PendingFirst(FewPages):
    """Of approval requests: first those that wait, what is due first at the top, then all others, the newest first.

    Two queries, each in the order of an index, instead of one that sorts the whole table.
    """

    def page(self, number: int | str) -> "Page[Any]":
        """One page; read once, however often it is asked for."""
        number = self.validate_number(number)
        if number not in self._pages:
            first = (number - 1) * self.per_page
            self._pages[number] = Page(self._rows(first, min(first + self.per_page, self.count)), number, self)
        return self._pages[number]

    @cached_property
    def _pages(self) -> "dict[int, Page[Any]]":
        return {}

    def _rows(self, first: int, last: int) -> Sequence[Any]:
        rows: Any = self.object_list
        pending = rows.filter(status=ApprovalStatus.PENDING).order_by(*DUE_FIRST)
        shown = list(pending[first:last])
        if len(shown) < last - first:
            before = at_most(pending, MOST)
            others = rows.exclude(status=ApprovalStatus.PENDING).order_by("-pk")
            shown += others[max(first - before, 0) : last - before]
        return shown


class PendingAlone(PendingFirst):
    """Of approval requests that all wait: counted in the order in which they are shown, by the index of what waits.

    asked: the page that is asked for; what lies far beyond it is not looked at. few: that they are a small part of what
    waits, so that it is quicker to find them in any order, by the index of whom they are put to.
    """

    asked = 1
    few = False

    @property
    def reach(self) -> int:
        return min(max(AT_FIRST, (self.asked + 1) * self.per_page), MOST)

    @cached_property
    def found(self) -> int:
        rows: Any = self.object_list
        if self.few:
            return at_most(rows, self.reach + 1)
        return int(rows.order_by(*DUE_FIRST)[: self.reach + 1].count())
