"""Columns of lists that show a field as it is, under a title in the reader's language."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import admin

from agents_app.admin.displays import Words, short_time


def column(field: str, title: Words, *, boolean: bool = False) -> Callable[[Any], Any]:
    """The field of the row; moments as `<time>`. Sorted by it."""

    @admin.display(description=title, ordering=field, boolean=boolean)  # type: ignore[arg-type]  # Promise is text
    def shown(row: Any) -> Any:
        value = getattr(row, field)
        return short_time(value) if isinstance(value, datetime) else value

    shown.__name__ = field
    return shown
