"""The parts of a document, from any of them on: the same every time it is read, so that reading can be resumed."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from django.utils.translation import gettext_noop

from agents_app.conf import conf
from agents_app.knowledge.reading.base import Part, Section, Unreadable
from agents_app.knowledge.reading.encodings import NOTHING, Note, decoded
from agents_app.knowledge.reading.headings import sections_of
from agents_app.knowledge.reading.html import page_of
from agents_app.knowledge.reading.kinds import HTML, MARKDOWN, PDF
from agents_app.knowledge.reading.pdf import pages_of, too_long
from agents_app.knowledge.reasons import sizes

PART = 200_000
"""Characters of a part of a text, roughly."""
LONGEST_SECTION = 20_000
"""Longer ones are cut, at a line's end if there is one: the splitter takes the square of a section's length."""


def parts_of(path: Path, kind: str, first: int = 1) -> Iterator[Part]:
    """The parts of this file from part `first` on. Raises Unreadable."""
    if path.stat().st_size > conf.KNOWLEDGE_BYTES:
        raise too_large(path.stat().st_size)
    if path.stat().st_size == 0:
        raise Unreadable(gettext_noop("This document is empty."), code="empty")
    if kind == PDF:
        yield from pages_of(str(path), first)
        return
    groups = _grouped(_sections(path.read_bytes(), kind))
    for number, sections in enumerate(groups, start=1):
        if number >= first:
            yield Part(number=number, of=len(groups), sections=tuple(sections))


def note_of(path: Path, kind: str) -> Note:
    """What was guessed when it was decoded."""
    return NOTHING if kind == PDF else decoded(path.read_bytes(), html=kind == HTML)[1]


def too_large(size: int | None) -> Unreadable:
    """Of a file that is larger than allowed; None where nobody has counted how much."""
    text = gettext_noop("This document has %(size)s; %(limit)s are allowed (KNOWLEDGE_BYTES).")
    if size is None:
        text = gettext_noop("This document has more than the %(limit)s that are allowed (KNOWLEDGE_BYTES).")
    return Unreadable(text, code="too_large", values=sizes(size, conf.KNOWLEDGE_BYTES))


def _sections(content: bytes, kind: str) -> list[Section]:
    text, _ = decoded(content, html=kind == HTML)
    if len(text) > conf.KNOWLEDGE_CHARACTERS:
        raise too_long()
    found = page_of(text)[0] if kind == HTML else sections_of(text, markdown=kind == MARKDOWN)
    if not any(each.text.strip() for each in found):
        raise Unreadable(gettext_noop("There is no text in this document."), code="no_text")
    return found


def _grouped(sections: Sequence[Section]) -> list[list[Section]]:
    groups: list[list[Section]] = []
    length = PART
    for section in (cut for each in sections for cut in _cut(each)):
        if length >= PART:
            groups.append([])
            length = 0
        groups[-1].append(section)
        length += len(section.text)
    return groups


def _cut(section: Section) -> Iterator[Section]:
    at = 0
    while at < len(section.text):
        end = _joint(section.text, at, at + LONGEST_SECTION)
        yield replace(section, text=section.text[at:end], start=section.start + at)
        at = end


def _joint(text: str, begin: int, limit: int) -> int:
    """Where to cut before `limit`: after a paragraph, a line, a sentence or a word, in the second half."""
    if limit >= len(text):
        return len(text)
    for mark in ("\n\n", "\n", ". ", " "):
        found = text.rfind(mark, begin + LONGEST_SECTION // 2, limit)
        if found >= 0:
            return found + len(mark)
    return limit
