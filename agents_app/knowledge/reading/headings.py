"""Sections of Markdown and of plain text, by their headings."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from agents_app.knowledge.reading.base import Section

_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_UNDERLINE = re.compile(r"([=\-~^\"'*+#`])\1{2,}[ \t]*$")
_SETEXT = re.compile(r" {0,3}(=+|-{2,})[ \t]*$")
_NO_TITLE = ("    ", ">", "|", "- ", "* ")
_MATTER = re.compile(r"---[ \t]*\n.*?\n---[ \t]*\n", re.DOTALL)

MOST_TITLE = 200
"""Longer lines are no headings."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Heading:
    """begin: where its lines begin; end: where what it stands above begins."""

    level: int
    title: str
    begin: int
    end: int


def sections_of(text: str, markdown: bool) -> list[Section]:
    """The sections of the text, in order, each with the headings above it. Those without any text are left out.

    Markdown: `#` and underlines, but not in fenced code, and without front matter. Plain text: underlined lines, whose
    levels follow the order in which the kinds of line appear (as in reStructuredText).
    """
    matter = _MATTER.match(text) if markdown else None
    begin = matter.end() if matter else 0
    found = list(_markdown(text, begin) if markdown else _plain(text))
    sections: list[Section] = []
    path: list[tuple[int, str]] = []
    at = begin
    for heading in [*found, _Heading(level=0, title="", begin=len(text), end=len(text))]:
        section = _section(text, at, heading.begin, tuple(title for _, title in path))
        if section is not None:
            sections.append(section)
        path = [*(each for each in path if each[0] < heading.level), (heading.level, heading.title)]
        at = heading.end
    return sections


def _section(text: str, begin: int, end: int, headings: tuple[str, ...]) -> Section | None:
    inside = text[begin:end]
    stripped = inside.strip("\n")
    if not stripped.strip():
        return None
    return Section(text=stripped, headings=headings, start=begin + len(inside) - len(inside.lstrip("\n")))


def _lines(text: str, begin: int = 0) -> Iterator[tuple[int, int, str]]:
    """Of each line: where it begins, where the next one does, and what it says."""
    while begin < len(text):
        end = text.find("\n", begin)
        end = len(text) if end < 0 else end
        yield begin, min(end + 1, len(text)), text[begin:end]
        begin = end + 1


def _markdown(text: str, begin: int) -> Iterator[_Heading]:
    fence, fresh = "", True
    last: tuple[int, str] | None = None  # the line before, if it is a paragraph of its own
    for at, end, line in _lines(text, begin):
        said = line.strip()
        if fence:
            fence = "" if said.startswith(fence) and not said.strip(fence[0]) else fence
            continue
        if opened := _FENCE.match(line):
            fence, fresh, last = opened[1], True, None
        elif found := _ATX.match(line):
            yield _Heading(level=len(found[1]), title=_title(found[2] or ""), begin=at, end=end)
            fresh, last = True, None
        elif last is not None and _SETEXT.match(line):
            yield _Heading(level=1 if "=" in line else 2, title=_title(last[1]), begin=last[0], end=end)
            fresh, last = True, None
        else:
            title = fresh and said and len(line) <= MOST_TITLE and not line.startswith(_NO_TITLE)
            fresh, last = not said, (at, line) if title else None


def _plain(text: str) -> Iterator[_Heading]:
    levels: dict[str, int] = {}
    before: list[tuple[int, str]] = [(0, ""), (0, "")]  # the two lines before
    for at, end, line in _lines(text):
        title = before[1][1].rstrip()
        found = _UNDERLINE.match(line)
        if found and title.strip() and not title.startswith(" ") and not _UNDERLINE.match(title):
            over = _UNDERLINE.match(before[0][1])
            fits = len(title) <= len(line.rstrip()) + 2 and len(title) <= MOST_TITLE
            if fits and (over or not before[0][1].strip()):
                kind = found[1] * (2 if over else 1)
                level = levels.setdefault(kind, len(levels) + 1)
                begin = before[0][0] if over else before[1][0]
                yield _Heading(level=level, title=_title(title), begin=begin, end=end)
                before = [(at, ""), (at, "")]
                continue
        before = [before[1], (at, line)]


def _title(text: str) -> str:
    return " ".join(text.split())[:MOST_TITLE]
