"""Pages by cursor: rows that come while somebody reads neither shift nor repeat others."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.utils.translation import gettext
from rest_framework.pagination import CursorPagination
from rest_framework.response import Response

from agents_app.exceptions import InvalidInput

PAGE_SIZE = 25
LARGEST_PAGE = 100


class NewestFirst(CursorPagination):
    """By the rows' time-ordered keys."""

    ordering = ("-id",)
    page_size = PAGE_SIZE
    page_size_query_param = "limit"
    max_page_size = LARGEST_PAGE
    template = None

    def decode_cursor(self, request: Any) -> Any:
        """Raises InvalidInput for a cursor that this API has not made."""
        try:
            cursor = super().decode_cursor(request)
            if cursor is not None and cursor.position is not None:
                self.check_position(str(cursor.position))
        except Exception as error:
            raise InvalidInput(gettext("This cursor is not one of ours."), code="invalid_cursor") from error
        return cursor

    def check_position(self, position: str) -> None:
        """Raise ValueError for what is no position."""
        UUID(position)

    def get_paginated_response(self, data: Sequence[Any]) -> Response:
        """Links to the pages before and after, and the rows."""
        return Response({"next": self.get_next_link(), "previous": self.get_previous_link(), "results": data})


class ByKey(NewestFirst):
    """The same, of rows whose key is that of another row."""

    ordering = ("-pk",)


class InOrder(NewestFirst):
    """By the rows' numbers within their run."""

    ordering = ("number",)

    def check_position(self, position: str) -> None:
        if not 0 <= int(position) < 2**31:
            raise ValueError(position)
