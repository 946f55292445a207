"""A language that puts each translated text between brackets: what stands outside of them nobody has marked."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from typing import Any

from django.apps import apps
from django.utils.translation import override, trans_real

LANGUAGE = "de"
CONTEXT = "\x04"
"""What gettext puts between a text's context and the text."""
OPEN, CLOSE = "⟦", "⟧"
READ = ("aria-label", "title", "placeholder", "alt", "label")
"""Attributes that people read or hear; besides all that begin with `data-words` and the values of buttons."""
SILENT = ("script", "style", "svg", "code", "kbd", "time")
ID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{8,}\b")
WORD = re.compile(r"[^\W\d_]{3,}")


class Marking(trans_real.DjangoTranslation):
    """Translates everything into itself, in brackets."""

    def __init__(self) -> None:
        super().__init__(LANGUAGE)

    def gettext(self, message: str) -> str:
        return f"{OPEN}{message.rpartition(CONTEXT)[2]}{CLOSE}"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


@contextmanager
def marked() -> Iterator[None]:
    """Everything is shown in that language."""
    before = trans_real._translations.get(LANGUAGE)
    trans_real._translations[LANGUAGE] = Marking()
    try:
        with override(LANGUAGE):
            yield
    finally:
        trans_real._translations.pop(LANGUAGE)
        if before is not None:
            trans_real._translations[LANGUAGE] = before


class _Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in SILENT:
            self.inside.append(tag)
        read = [value for name, value in attrs if name in READ or name.startswith("data-words")]
        if tag == "time":
            read = []
        if tag == "input" and given.get("type") in ("submit", "button"):
            read.append(given.get("value"))
        self.found += [value for value in read if value]

    def handle_endtag(self, tag: str) -> None:
        if self.inside and self.inside[-1] == tag:
            self.inside.pop()

    def handle_data(self, data: str) -> None:
        if not self.inside:
            self.found.append(" ".join(data.split()))


def texts_of(page: str) -> list[str]:
    """What a person reads or hears of a page."""
    parser = _Texts()
    parser.feed(page)
    return [text.strip() for text in parser.found if text.strip()]


def unmarked(page: str, data: Iterable[str]) -> list[str]:
    """Texts with words outside of the brackets, that are not among the data."""
    # From the inside out: a translated text may stand in another, and may hold elements.
    inner = re.compile(f"{OPEN}[^{OPEN}{CLOSE}]*{CLOSE}")
    text = "\n".join(texts_of(page))
    while (less := inner.sub(" ", text)) != text:
        text = less
    known = re.compile("|".join(re.escape(each) for each in sorted(set(data), key=len, reverse=True)))
    return [line for line in dict.fromkeys(text.splitlines()) if WORD.search(known.sub(" ", ID.sub(" ", line)))]


def data_of_rows() -> set[str]:
    """All texts in the rows of the test, but the words for states."""
    found: set[str] = set()
    for model in apps.get_models():
        for row in model._default_manager.all().values():
            for name, value in row.items():
                if name not in STATES:
                    found |= set(_leaves(value))
    return {text for text in found if len(text) > 2}


STATES = ("status", "verdict", "state", "scope", "period", "answer", "door", "mode")


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        yield from (line.strip() for line in value.splitlines())
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _leaves(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner)
    elif value is not None and not isinstance(value, bool | int | float):
        yield str(value)
