"""One line about a call, where its author wrote none, and secrets kept out of the lines that authors wrote."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agents_app.core.canonical import canonical_text, clean_text
from agents_app.definitions.amounts import with_cents

MASK = "***"
LIMIT = 500
"""Characters of a summary."""


def shown_call(name: str, template: str | None, values: Mapping[str, Any], currencies: Mapping[str, str]) -> str:
    """The template filled in, amounts with their cents; without one, or if it does not go with these values:
    `refund(number="A-1001", …)`."""
    if template is not None:
        try:
            amounts = {key: with_cents(values[key], currency) for key, currency in currencies.items() if key in values}
            return template.format_map({**values, **amounts})
        except (ValueError, TypeError, AttributeError, LookupError):
            pass
    return f"{name}({', '.join(f'{key}={_shown(value)}' for key, value in values.items())})"


def redacted(line: str, secrets: Sequence[Any]) -> str:
    """The line without any of the strings and numbers in `secrets` (JSON values)."""
    for leaf in sorted(set(_leaves(secrets)), key=len, reverse=True):
        line = line.replace(leaf, MASK)
    return line


def one_line(text: str) -> str:
    """The text without line breaks and without what a database refuses, cut to LIMIT characters."""
    line, _ = clean_text(" ".join(text.split()))
    return line if len(line) <= LIMIT else line[: LIMIT - 1] + "…"


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value if value == MASK else canonical_text(value)
    text = canonical_text(value)
    return str(json.loads(text)) if text.startswith('"') else text


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, str | int | float) and not isinstance(value, bool) and str(value):
        yield str(value)
