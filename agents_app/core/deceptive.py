"""Text that does not look like what it is: characters that hide, reorder or pretend, found and named.

Everything that LLMs and tools write is shown to people who decide by it. These functions only look; the doors show.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any


class Oddity(StrEnum):
    """What is deceptive about a piece of text."""

    INVISIBLE = "invisible"
    BIDIRECTIONAL = "bidirectional"
    CONTROL = "control"
    UNKNOWN = "unknown"
    STACKED = "stacked"
    GAP = "gap"
    CONFUSABLE = "confusable"


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a text. `oddity` is None for what is as it looks; else `note` names the characters for people."""

    text: str
    oddity: Oddity | None = None
    note: str = ""


BIDIRECTIONAL = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029"
BLANKS = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u206a-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
SPACES = "\u1680\u2000-\u200a\u202f\u205f\u3000"
UNKNOWN = "\ue000-\uf8ff\ud800-\udfff\U000f0000-\U0010ffff"
STACKED = r"(?<=[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{3})"
COMBINING = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]+"

ODD = re.compile(
    r"(?P<gap>(?:\r\n|[ \t\u00a0\n]){5,})"
    rf"|(?P<bidirectional>[{BIDIRECTIONAL}]+)|(?P<control>[{CONTROLS}]+)|(?P<invisible>[{BLANKS}]+|[{SPACES}]+)"
    rf"|(?P<unknown>[{UNKNOWN}]+)|(?P<stacked>{STACKED}{COMBINING})"
)
GAP_LINES, GAP_SPACES = 5, 24
"""So many line breaks, or blanks in one line, push what follows out of sight."""
LOOKED_AT = 100_000
"""Characters of one text in which look-alikes are searched for."""
JOINED_SCRIPTS = (
    *("ARABIC", "SYRIAC", "DEVANAGARI", "BENGALI", "GUJARATI", "GURMUKHI", "KANNADA", "MALAYALAM", "ORIYA"),
    *("SINHALA", "TAMIL", "TELUGU", "KHMER", "MYANMAR", "MONGOLIAN", "THAANA", "NKO"),
)
"""Scripts whose spelling needs joiners."""

WORD = re.compile(r"[^\W_]+(?:[’'·.\-][^\W_]+)*")
ALIKE = {
    "CYRILLIC": "АВЕЅІЈКМНОРСТУХҮԀԌԚԜаеѕіјорсухһԁԛԝӏҽ",
    "GREEK": "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧονρυικα",
    "ARMENIAN": "ՍՕոսօցհ",
    "CHEROKEE": "ᎪᎬᎳᎷᎻᏀᏃᏏᏔᏚᏟᏢᏦᏴ",
}
"""Letters that look like Latin ones."""
PUNCTUATION = re.compile(
    "(?<=[0-9A-Za-z])[\u2024\u2044\u2215\u2236\u29f8\ua789\uff0e\uff0f\uff1a\uff20](?=[0-9A-Za-z])"
)


def is_ordinary(text: str) -> bool:
    """Whether nothing about the text is odd."""
    return next(_found(text), None) is None


def oddities_in(value: Any) -> tuple[Oddity, ...]:
    """What is odd in a JSON value, its names included; each kind once, in the order of `Oddity`."""
    found = {oddity for text in _texts(value) for _, _, oddity, _ in _found(text)}
    return tuple(kind for kind in Oddity if kind in found)


def pieces_of(text: str) -> tuple[Piece, ...]:
    """The text, cut so that what is odd stands alone. Put together again the pieces' texts are the text."""
    pieces: list[Piece] = []
    place = 0
    for start, end, oddity, note in sorted(_found(text)):
        if start < place:
            continue
        if start == place and pieces and oddity is pieces[-1].oddity is Oddity.CONFUSABLE:
            pieces[-1] = Piece(pieces[-1].text + text[start:end], oddity, pieces[-1].note)
            place = end
            continue
        if start > place:
            pieces.append(Piece(text[place:start]))
        pieces.append(Piece(text[start:end], oddity, note))
        place = end
    if place < len(text):
        pieces.append(Piece(text[place:]))
    return tuple(pieces)


SEEN = (None, Oddity.CONFUSABLE, Oddity.STACKED)
"""What stands there for everybody to see, whatever it pretends to be."""


def spelled_out(text: str) -> str:
    """The text for where nothing can be marked, as in mails: what hides is named in ⟨⟩ in its place, what looks like
    something else is named behind it."""
    return "".join(piece.text if piece.oddity is None else _spelled(piece) for piece in pieces_of(text))


def unhidden(text: str) -> str:
    """The same, but only what hides is named. Done twice it is as done once."""
    return "".join(piece.text if piece.oddity in SEEN else _spelled(piece) for piece in pieces_of(text))


def _spelled(piece: Piece) -> str:
    return f"{piece.text}⟨{piece.note.partition(' ')[0]}⟩" if piece.oddity in SEEN else f"⟨{piece.note}⟩"


Place = tuple[int, int, Oddity, str]


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, without recursion: it may be nested deeply."""
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            left.extend(item)
            left.extend(item.values())
        elif isinstance(item, list | tuple):
            left.extend(item)


def _found(text: str) -> Iterator[Place]:
    for match in ODD.finditer(text):
        kind = Oddity(str(match.lastgroup))
        if kind is Oddity.GAP and not _hides(text, match):
            continue
        if kind is Oddity.INVISIBLE and _belongs(text, match.start(), match.end()):
            continue
        if match.group() in ("\r", "\r\n") and text[match.end() : match.end() + 1] == "\n":
            continue
        yield match.start(), match.end(), kind, _named(match.group(), kind)
    if not text.isascii():
        yield from _pretending(text)


def _hides(text: str, blank: "re.Match[str]") -> bool:
    """Whether blank space is long, and something follows it."""
    lines = blank.group().count("\n")
    return blank.end() < len(text) and (lines >= GAP_LINES or max(map(len, blank.group().split("\n"))) >= GAP_SPACES)


def _named(odd: str, kind: Oddity) -> str:
    if kind is Oddity.GAP:
        lines = odd.count("\n")
        return f"{lines} line breaks" if lines else f"{len(odd)} spaces"
    code = f"U+{ord(odd[0]):04X}"
    return code if len(odd) == 1 else f"{code} and {len(odd) - 1} more"


def _belongs(text: str, start: int, end: int) -> bool:
    """Whether a joiner or a variation selector does what it is there for."""
    before, after = text[start - 1 : start], text[end : end + 1]
    if end - start > 2 or not before:
        return False
    emoji = unicodedata.category(before) in ("So", "Sk", "Sm", "Po", "Nd", "Mn")
    match text[start:end]:
        case "\ufe0f" | "\ufe0e":
            return emoji
        case "\u200d" | "\ufe0f\u200d" if after and unicodedata.category(after) in ("So", "Sm"):
            return emoji
        case "\u200c" | "\u200d":
            return unicodedata.name(before, "").startswith(JOINED_SCRIPTS) and bool(after.strip())
    return False


def _pretending(text: str) -> Iterator[Place]:
    """Letters and signs that look like Latin ones."""
    text = text[:LOOKED_AT]
    for match in PUNCTUATION.finditer(text):
        yield match.start(), match.end(), Oddity.CONFUSABLE, _described(match.group())
    if not any(_script(letter) in ALIKE or _disguised(letter) for letter in set(text)):
        return
    words = [match for match in WORD.finditer(text) if not match.group().isascii()]
    genuine = {script for match in words for script in ALIKE if _speaks(script, match.group())}
    for match in words:
        for offset in _strange(match.group(), genuine):
            place = match.start() + offset
            yield place, place + 1, Oddity.CONFUSABLE, _described(text[place])


def _described(character: str) -> str:
    name = unicodedata.name(character, "").capitalize()
    return f"U+{ord(character):04X} {name}".strip()


def _speaks(script: str, word: str) -> bool:
    """Whether a word is of this script without doubt: it has a letter of it that looks like no Latin one."""
    own = [letter for letter in word if _script(letter) == script]
    return any(letter not in ALIKE[script] for letter in own) and not any(_script(x) == "LATIN" for x in word)


def _strange(word: str, genuine: set[str]) -> Iterator[int]:
    """Where letters of a word are not what they look like."""
    scripts = {script for letter in set(word) if (script := _script(letter))}
    mixed, poses = "LATIN" in scripts, _all_alike(word)
    for offset, letter in enumerate(word):
        script = _script(letter)
        foreign = script in ALIKE and (mixed or (poses and script not in genuine))
        if foreign or _disguised(letter):
            yield offset


def _all_alike(word: str) -> bool:
    """A whole word of look-alikes, at least three: one `а` or `с` alone is a word in some languages."""
    letters = [letter for letter in word if letter.isalpha()]
    return len(letters) > 2 and all(letter in ALIKE.get(_script(letter), "") for letter in letters)


@lru_cache(4096)
def _disguised(letter: str) -> bool:
    """A styled form of a Latin letter or a digit (`𝐚`, `ａ`, `１`), or a digit of another script."""
    if letter.isascii() or letter in "ªº":
        return False
    plain = unicodedata.normalize("NFKC", letter)
    category = unicodedata.category(letter)
    return len(plain) == 1 and plain.isascii() and plain.isalnum() and category in ("Ll", "Lu", "Lo", "Nd", "So")


@lru_cache(4096)
def _script(letter: str) -> str:
    if letter.isascii():
        return "LATIN" if letter.isalpha() else ""
    return unicodedata.name(letter, "").partition(" ")[0]
