"""What reading gives."""

from dataclasses import dataclass

from agents_app.exceptions import AgentsError


class Unreadable(AgentsError):
    """This document cannot be read."""

    code = "unreadable"
    http_status = 400


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
