"""From sections to the passages that are found: as long as fits, cut where a text has its joints."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from semantic_text_splitter import MarkdownSplitter, TextSplitter

from agents_app.conf import conf
from agents_app.knowledge.reading import MARKDOWN, Section

BETWEEN = " › "
"""Between the headings of a path."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Passage:
    """A chunk to be. heading: the path of headings above it, the document's title first; start, end: characters."""

    text: str
    heading: str
    page: int | None
    start: int
    end: int

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of what is embedded: equal passages under equal headings have equal vectors."""
        return hashlib.sha256(f"{self.heading}\n\n{self.text}".encode()).hexdigest()


def passages_of(sections: Sequence[Section], kind: str, title: str) -> Iterator[Passage]:
    """The passages of these sections, in order. None goes beyond its section, so that each has one place."""
    splitter = _splitter(kind == MARKDOWN, max(conf.KNOWLEDGE_CHUNK, 1))
    for section in sections:
        heading = heading_of(title, section.headings)
        for at, text in splitter.chunk_indices(section.text):
            start = section.start + at
            yield Passage(text=text, heading=heading, page=section.page, start=start, end=start + len(text))


def heading_of(title: str, headings: Sequence[str]) -> str:
    """The path, with the title once."""
    path = [each for each in headings if each]
    return BETWEEN.join(path if path and path[0] == title else [title, *path] if title else path)


@lru_cache(maxsize=8)
def _splitter(markdown: bool, characters: int) -> "TextSplitter | MarkdownSplitter":
    return (MarkdownSplitter if markdown else TextSplitter)(characters)
