"""Sections of HTML: what a reader of the page sees. Scripts, styles, comments and what is hidden are dropped."""

import re
from html.parser import HTMLParser
from types import MappingProxyType

from agents_app.core.canonical import clean_text
from agents_app.knowledge.reading.base import Section

DROPPED = frozenset(
    [
        "script",
        "style",
        "noscript",
        "template",
        "svg",
        "math",
        "iframe",
        "object",
        "embed",
        "canvas",
        "audio",
        "video",
        "map",
        "head",
        "select",
        "datalist",
        "dialog",
        "nav",
    ]
)
"""Elements that are left out with all that is in them; of the head only the title counts."""

VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
)
BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "caption",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "html",
        "legend",
        "li",
        "main",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "tfoot",
        "thead",
        "tr",
        "ul",
    ]
)
CLOSED_BY_ITSELF = MappingProxyType(
    {name: {name} for name in ("p", "li", "tr", "td", "th", "option")} | {"dt": {"dt", "dd"}, "dd": {"dt", "dd"}}
)
"""Elements whose end may be left out: the next of its kind ends them."""
DEEPEST = 1_000
"""Elements within each other; what is deeper counts as if it stood there."""

_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])", re.IGNORECASE)
_HEADING = re.compile(r"h([1-6])$")
_SPACE = re.compile(r"[ \t\n\r\f\v]+")


class Page(HTMLParser):
    """Collects the sections, and the title."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self.sections: list[Section] = []
        self._open: list[tuple[str, bool]] = []
        self._path: list[tuple[int, str]] = []
        self._blocks: list[str] = []
        self._words: list[str] = []
        self._length = 0

    # What the parser calls.

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in CLOSED_BY_ITSELF and self._open and self._open[-1][0] in CLOSED_BY_ITSELF[tag]:
            self._open.pop()
        if tag in BLOCKS or tag == "br":
            self._end_block()
        if tag == "img" and not self._dropped():
            self._words.append(given.get("alt") or "")
        if tag in ("td", "th"):
            self._words.append(" | " if "".join(self._words).strip() else "")
        if tag in VOID or len(self._open) >= DEEPEST:
            return
        if _HEADING.match(tag) and not self._dropped():
            self._end_section()
        self._open.append((tag, self._dropped() or tag in DROPPED or _hidden(given)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag in ("svg", "math", "path"):  # in foreign content alone the slash ends it
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        heading = _HEADING.match(tag)
        if heading and not self._dropped() and any(name == tag for name, _ in self._open):
            self._head(int(heading[1]))
        elif tag in BLOCKS:
            self._end_block()
        for index in range(len(self._open) - 1, -1, -1):
            if self._open[index][0] == tag:
                del self._open[index:]
                return

    def handle_data(self, data: str) -> None:
        names = {name for name, _ in self._open[-3:]}
        if "title" in names and "svg" not in names and not self.title:
            self.title = _SPACE.sub(" ", data).strip()[:500]
        elif not self._dropped() and "title" not in names:
            self._words.append(data if "pre" in names else _SPACE.sub(" ", data))

    def close(self) -> None:
        super().close()
        self._end_section()

    # What it makes of that.

    def _dropped(self) -> bool:
        return bool(self._open) and self._open[-1][1]

    def _end_block(self) -> None:
        block = "".join(self._words).strip(" \n")
        self._words.clear()
        if block:
            self._blocks.append(block)

    def _end_section(self) -> None:
        self._end_block()
        text = "\n\n".join(self._blocks)
        self._blocks.clear()
        if text:
            headings = tuple(title for _, title in self._path)
            self.sections.append(Section(text=text, headings=headings, start=self._length))
            self._length += len(text) + 2

    def _head(self, level: int) -> None:
        title = _SPACE.sub(" ", "".join(self._words)).strip()[:200]
        self._words.clear()
        if title:
            self._path = [*(each for each in self._path if each[0] < level), (level, title)]


def page_of(text: str) -> tuple[list[Section], str]:
    """The sections of an HTML page, and its title. Whatever the markup looks like, there is no error."""
    page = Page()
    page.feed(text)
    if page.rawdata.startswith("<!--"):  # a comment without an end goes to the end, as browsers have it
        page.rawdata = ""
    page.close()
    # Character references may say what the bytes did not.
    sections = [
        Section(text=clean_text(each.text)[0], headings=tuple(map(_cleaned, each.headings)), start=each.start)
        for each in page.sections
    ]
    return sections, _cleaned(page.title)


def _cleaned(text: str) -> str:
    return clean_text(text)[0]


def _hidden(given: dict[str, str | None]) -> bool:
    return "hidden" in given or given.get("aria-hidden") == "true" or bool(_HIDDEN.search(given.get("style") or ""))
