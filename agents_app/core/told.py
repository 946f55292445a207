"""A message that others read later, each in a language of their own."""

from collections.abc import Mapping
from typing import Any

from agents_app.core.canonical import clean_text

LONGEST = 2_000
"""Characters of a text that are stored."""


class Told(str):
    """A message in the language of now. text: the same as it is translated; values: what is put into it then."""

    text: str
    values: dict[str, Any]

    def __new__(cls, message: str, text: str = "", values: Mapping[str, Any] | None = None) -> "Told":
        self = super().__new__(cls, message)
        self.text, self.values = text or message, dict(values or {})
        return self


def to_store(message: str) -> tuple[str, dict[str, Any]]:
    """What is stored of a message: its text as it is translated, and the values; of any other string itself.

    No more of the text than LONGEST, and nothing that PostgreSQL does not store.
    """
    text, values = (message.text, message.values) if isinstance(message, Told) else (message, {})
    return clean_text(text[:LONGEST])[0], values
