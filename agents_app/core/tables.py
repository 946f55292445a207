"""Rows as CSV and JSON, a portion at a time, so that any number of them goes through little memory."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

FORMATS: Mapping[str, str] = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
"""Names of formats, and their media types."""

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A cell that begins so is a formula to programs that open tables."""


def as_text(form: str, columns: Sequence[str], portions: Iterable[Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    """A table in one of FORMATS, a text for each portion of rows. JSON is one array of objects."""
    return _json(columns, portions) if form == "json" else _csv(columns, portions)


def _csv(columns: Sequence[str], portions: Iterable[Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    yield _lines([columns])
    for rows in portions:
        yield _lines([harmless(row.get(name)) for name in columns] for row in rows)


def _lines(rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def harmless(value: Any) -> Any:
    """The value of a cell that no program takes for a formula: a text that looks like one is put behind a quote."""
    if value is None:
        return ""
    if isinstance(value, str) and value.lstrip(" ").startswith(FORMULA):
        return f"'{value}"
    return value


def as_it_was(cell: str) -> str:
    """The text of which `harmless` made this cell; for texts that do not begin with a quote themselves."""
    return cell[1:] if harmless(cell[1:]) == cell else cell


def _json(columns: Sequence[str], portions: Iterable[Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    before = "["
    for rows in portions:
        lines = [json.dumps({name: row.get(name) for name in columns}, ensure_ascii=False) for row in rows]
        if lines:
            yield before + "\n" + ",\n".join(lines)
            before = ","
    yield "[]\n" if before == "[" else "\n]\n"
