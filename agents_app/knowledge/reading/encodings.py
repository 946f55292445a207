"""From bytes to text: nothing is lost silently, and what was guessed is said."""

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from django.utils.translation import gettext_noop

from agents_app.core.canonical import clean_text
from agents_app.knowledge.reading.base import Unreadable

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks; that of UTF-32 begins like one of UTF-16."""

FALLBACK = "cp1252"
LOOKED_AT = 4096
MOST_CONTROLS = 0.05
"""A larger share of control characters is no text."""

_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\x1b"))
_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9_:.-]{1,40})""", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """What was guessed or replaced: sentences as they are translated, with their values. See `reasons`."""

    sentences: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)


NOTHING = Note()


def decoded(content: bytes, html: bool = False) -> tuple[str, Note]:
    """The text with line ends as `\\n`, fit to be stored, and a note where something was guessed or replaced.

    By a byte order mark, as UTF-8, by what HTML says of itself, else as Windows-1252, which is said. Raises Unreadable
    if it is no text.
    """
    text, note = _decoded(content, html)
    text, replaced = clean_text(text.replace("\r\n", "\n").replace("\r", "\n"))
    if replaced:
        sentence = gettext_noop("Characters that cannot be stored were replaced.")
        note = replace(note, sentences=(*note.sentences, sentence))
    return text, note


def _decoded(content: bytes, html: bool) -> tuple[str, Note]:
    for mark, name in MARKS:
        if content.startswith(mark):
            return _as(content, name)
    _refuse_binary(content)
    try:
        return content.decode(), NOTHING
    except UnicodeDecodeError:
        pass
    said = _CHARSET.search(content[:LOOKED_AT]) if html else None
    known = _known(said[1].decode("ascii")) if said is not None else None
    if known is not None:
        return _as(content, known)
    text = content.decode(FALLBACK, errors="replace")
    return text, Note(sentences=(gettext_noop("It is not UTF-8, and was read as Windows-1252."),))


def _as(content: bytes, name: str) -> tuple[str, Note]:
    try:
        return content.decode(name), NOTHING
    except UnicodeDecodeError:
        sentence = gettext_noop("It is not all %(encoding)s; what could not be read was replaced.")
        return content.decode(name, errors="replace"), Note(sentences=(sentence,), values={"encoding": name})


def _known(name: str) -> str | None:
    """The codec, if it is one of texts."""
    try:
        found = codecs.lookup(name)
    except LookupError:
        return None
    return found.name if getattr(found, "_is_text_encoding", False) else None


def _refuse_binary(content: bytes) -> None:
    beginning = content[: LOOKED_AT * 16]
    controls = len(beginning) - len(beginning.translate(None, _CONTROLS))
    if len(beginning) and controls / len(beginning) > MOST_CONTROLS:
        text = gettext_noop("This is no text: too many of its characters are control characters.")
        raise Unreadable(text, code="not_text")
