"""What reading gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agents_app.exceptions import AgentsError
from agents_app.knowledge.reasons import told


class Unreadable(AgentsError):
    """This document cannot be read. text: why, as it is translated, for which see `reason`; with these values."""

    code = "unreadable"
    http_status = 400

    def __init__(self, text: str, *, code: str, values: Mapping[str, Any] | None = None) -> None:
        message = told(text, values)
        self.text, self.values = message.text, message.values
        super().__init__(message, code=code)


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A text that stands under these headings. start: its first character, in the page or the whole text."""

    text: str
    headings: tuple[str, ...] = ()
    start: int = 0
    page: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """What is read and stored at once: a page of a PDF, or a stretch of a text. number: from 1, of `of`."""

    number: int
    of: int
    sections: tuple[Section, ...]
