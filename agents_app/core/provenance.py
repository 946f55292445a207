"""Where a value came from: found again in what the LLM was told, with the quotation; else the LLM wrote it.

It is a help for people, no proof: a value may stand in a message by chance, and the LLM may have put a false one beside
it. Numbers, dates and texts are compared by what they mean (`1.200,00` is 1200, `21 November 2026` is 2026-11-21).
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from agents_app.core.briefing import Briefing, Section
from agents_app.core.transcript import AssistantMessage, CallResult, Message, UserMessage


class SourceKind(StrEnum):
    """What the LLM was told by."""

    INSTRUCTIONS = "instructions"
    INPUT = "input"
    RESULT = "result"
    ANSWER = "answer"
    MEMORY = "memory"
    DOCUMENT = "document"


class Origin(StrEnum):
    """`QUOTED`: found again. `LLM`: not found. `DEFAULT`: the tool's own. `TRIVIAL`: says too little to be searched.
    `PERSON`: changed by one after the LLM had proposed it."""

    QUOTED = "quoted"
    LLM = "llm"
    DEFAULT = "default"
    TRIVIAL = "trivial"
    PERSON = "person"


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One thing that the LLM was told. `name`: of the tool whose result it is, and `number` its place among them; of
    what it was told of memory and documents, where that comes from. `untrusted`: nobody has checked it.

    `parts`: (path, text) pairs; a message has one with an empty path, a result one per value in its JSON.
    """

    kind: SourceKind
    name: str = ""
    number: int = 0
    parts: tuple[tuple[str, str], ...]
    untrusted: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Quotation:
    """Where a value stands: `match` as it was written, with some of the text around it."""

    source: Source
    path: str
    before: str
    match: str
    after: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """Where one value in the arguments came from. `path`: its place in them."""

    path: tuple[str, ...]
    origin: Origin
    quotations: tuple[Quotation, ...] = ()

    @property
    def untrusted(self) -> bool:
        """Whether it stands in something that nobody has checked, from outside of this run."""
        return any(quotation.source.untrusted for quotation in self.quotations)

    @property
    def unchecked(self) -> bool:
        """Whether it stands in nothing but results of tools, which tell what others wrote."""
        kinds = {quotation.source.kind for quotation in self.quotations}
        return kinds == {SourceKind.RESULT}


ASK_USER = "ask_user"
EARLIER = "an earlier request of this conversation"
NO_DEFAULTS: Mapping[str, Any] = MappingProxyType({})
AROUND = 48
"""Characters of a quotation on each side."""
MOST_VALUES = 40
"""Values of one call that are searched for."""
MOST_QUOTED = 3
"""Sources that are quoted for one value."""
MOST_TEXT = 150_000
"""Characters that are searched, the newest first."""
MOST_PARTS = 4000
LONGEST = 400
"""Longer texts are searched as a whole, without regard to how they are broken into lines."""


LOOKED_UP = {"recall": SourceKind.MEMORY, "search_knowledge": SourceKind.DOCUMENT}
"""Tools whose results are what was remembered, and what documents say."""


def sources_of(
    messages: Iterable[Message], instructions: str = "", briefing: Briefing | None = None
) -> tuple[Source, ...]:
    """What the LLM was told, the newest first. What it said itself is no source. briefing: what memory and knowledge
    told it besides."""
    found = [Source(kind=SourceKind.INSTRUCTIONS, parts=(("", instructions),))] if instructions else []
    found += _briefed(briefing) if briefing is not None else []
    number = 0
    for message in messages:
        match message:
            case UserMessage():
                found.append(Source(kind=SourceKind.INPUT, parts=(("", message.text),)))
            case CallResult():
                number += 1
                kind = SourceKind.ANSWER if message.name == ASK_USER else SourceKind.RESULT
                kind, unchecked = LOOKED_UP.get(message.name, kind), message.name in LOOKED_UP
                parts = tuple(_parts(message.content))
                whole = Source(kind=kind, name=message.name, number=number, parts=parts, untrusted=unchecked)
                found += _documents(whole) if kind is SourceKind.DOCUMENT else [whole]
            case AssistantMessage():
                pass
    return tuple(_newest(found))


def provenance_of(
    arguments: Mapping[str, Any], sources: Iterable[Source], *, defaults: Mapping[str, Any] = NO_DEFAULTS
) -> dict[str, tuple[Provenance, ...]]:
    """By argument, where each value in it came from. defaults: of the tool's parameters."""
    sources, left = tuple(sources), MOST_VALUES
    found: dict[str, tuple[Provenance, ...]] = {}
    for name, value in arguments.items():
        if name in defaults and defaults[name] == value:
            found[name] = (Provenance(path=(), origin=Origin.DEFAULT),)
            continue
        leaves = list(_leaves(value, left))
        left -= len(leaves)
        found[name] = tuple(_trace(path, leaf, sources) for path, leaf in leaves)
    return found


def _briefed(briefing: Briefing) -> list[Source]:
    """What was said before comes first: it is the oldest."""
    found = []
    for message in briefing.earlier:
        text = message.text if isinstance(message, UserMessage) else None
        text = message.content if isinstance(message, CallResult) else text
        if text is not None:
            found.append(Source(kind=SourceKind.MEMORY, name=EARLIER, parts=(("", text),), untrusted=True))
    for section in briefing.sections:
        if section.kind == "passages":
            found += _passages(section)
            continue
        kind = SourceKind.MEMORY
        name = ", ".join(each for each in (section.title, section.origin) if each)
        found.append(Source(kind=kind, name=name, parts=(("", section.text),), untrusted=section.untrusted))
    return found


PASSAGE = re.compile(r"passages\.([0-9]+)\.(source|text)")


def _documents(whole: Source) -> list[Source]:
    """A result with passages of documents: each as a source under the name of its document."""
    of: dict[str, dict[str, str]] = {}
    for path, text in whole.parts:
        if match := PASSAGE.fullmatch(path):
            of.setdefault(match[1], {})[match[2]] = text
    named = [replace(whole, name=each["source"], parts=(("", each["text"]),)) for each in of.values() if len(each) == 2]
    return named or [whole]


def _passages(section: Section) -> list[Source]:
    """The same of passages that were looked up beforehand: "[3] the document", and below it what it says.

    Where a passage repeats such a line nobody can tell whose words follow: then all documents are named together.
    """
    names = [ref.partition(" ")[2] or ref for ref in section.refs]
    first = re.match(r"\[([0-9]+)\] ", section.text)
    heads = [f"[{number}] {name}\n" for number, name in enumerate(names, start=int(first[1]) if first else 1)]
    places = [section.text.find(head) for head in heads]
    plain = places == sorted(places) and all(section.text.count(head) == 1 for head in heads)
    if not (names and plain):
        name = ", ".join(dict.fromkeys(names)) or section.origin
        parts = (("", section.text),)
        return [Source(kind=SourceKind.DOCUMENT, name=name, parts=parts, untrusted=section.untrusted)]
    ends = [*places[1:], len(section.text)]
    texts = [section.text[at + len(head) : end] for at, head, end in zip(places, heads, ends, strict=True)]
    return [
        Source(kind=SourceKind.DOCUMENT, name=name, parts=(("", text.strip()),), untrusted=section.untrusted)
        for name, text in zip(names, texts, strict=True)
    ]


def _newest(found: list[Source]) -> Iterator[Source]:
    room = MOST_TEXT
    for source in reversed(found):
        length = sum(len(text) for _, text in source.parts)
        if length > room:
            parts, kept = [], room
            for path, text in source.parts:
                if kept > 0:
                    parts.append((path, text[:kept]))
                kept -= len(text)
            source = replace(source, parts=tuple(parts))
        room -= length
        if source.parts:
            yield source


def _parts(content: str) -> Iterator[tuple[str, str]]:
    """The values in a result, each with its place; the text as it is where it is no JSON object or list."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        value = content
    for path, leaf in _leaves(value, MOST_PARTS):
        text = leaf if isinstance(leaf, str) else json.dumps(leaf, ensure_ascii=False)
        yield ".".join(path), text


def _leaves(value: Any, most: int) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The values in objects and lists, in order, without recursion."""
    left: list[tuple[tuple[str, ...], Any]] = [((), value)]
    count = 0
    while left and count < most:
        path, item = left.pop()
        if isinstance(item, Mapping):
            left.extend(((*path, str(name)), inner) for name, inner in reversed(list(item.items())))
        elif isinstance(item, list | tuple):
            left.extend(((*path, str(place)), inner) for place, inner in reversed(list(enumerate(item))))
        else:
            count += 1
            yield path, item


def _trace(path: tuple[str, ...], value: Any, sources: tuple[Source, ...]) -> Provenance:
    if value is None or isinstance(value, bool) or (isinstance(value, str) and len(value.strip()) < 2):
        number = isinstance(value, str) and _number(value.strip()) is not None
        if not number:
            return Provenance(path=path, origin=Origin.TRIVIAL)
    quoted = tuple(_quotations(value, sources))
    return Provenance(path=path, origin=Origin.QUOTED if quoted else Origin.LLM, quotations=quoted)


def _quotations(value: Any, sources: tuple[Source, ...]) -> Iterator[Quotation]:
    left = MOST_QUOTED
    for source in sources:
        quotation = next((found for part in source.parts if (found := _search(value, source, *part))), None)
        if quotation is not None:
            yield quotation
            left -= 1
            if not left:
                return


def _search(value: Any, source: Source, path: str, text: str) -> Quotation | None:
    for searched in dict.fromkeys((text, _simplified(text))):
        place = _place(value, searched)
        if place is not None:
            start, end = place
            return Quotation(
                source=source,
                path=path,
                before=searched[max(start - AROUND, 0) : start],
                match=searched[start : min(end, start + LONGEST)],
                after=searched[end : end + AROUND],
            )
    return None


def _place(value: Any, text: str) -> tuple[int, int] | None:
    """Where the value stands in a text."""
    words = value.strip() if isinstance(value, str) else str(value)
    if (number := _number(words)) is not None and (not isinstance(value, str) or not words.startswith("0")):
        return next((found for found, numbers in _numbers(text) if number in numbers), None)
    if (day := _day(words)) is not None:
        return next((found for found, days in _days(text) if day in days), None)
    words = _simplified(words)
    if len(words) > LONGEST:
        start = text.casefold().find(words.casefold()) if len(text.casefold()) == len(text) else text.find(words)
        return (start, start + len(words)) if start >= 0 else None
    found = _pattern(words).search(text)
    return found.span() if found else None


@lru_cache(256)
def _pattern(words: str) -> "re.Pattern[str]":
    inner = r"\s+".join(re.escape(word) for word in words.split())
    return re.compile(rf"(?<!\w){inner}(?!\w)", re.IGNORECASE)


@lru_cache(256)
def _simplified(text: str) -> str:
    """Without characters that do not show, and in one spelling of those that look alike."""
    if text.isascii():
        return text
    return "".join(each for each in unicodedata.normalize("NFKC", text) if unicodedata.category(each) != "Cf")


NUMBER = re.compile(r"(?<![\w.,])[-+\u2212]?[0-9][0-9.,'’\u00a0\u202f]*(?: [0-9]{3}(?![0-9]))*(?:[.,][0-9]+)?")
PLAIN = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,3})?")


def _number(text: str) -> Decimal | None:
    """A number as JSON and the canonical text spell it."""
    if len(text) > 60 or not PLAIN.fullmatch(text):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


@lru_cache(512)
def _numbers(text: str) -> tuple[tuple[tuple[int, int], frozenset[Decimal]], ...]:
    """Each number in a text, with what it may mean: `1.200` is one thing in London and another in Berlin."""
    found = []
    for match in NUMBER.finditer(text):
        written = match.group().rstrip(".,'’\u00a0\u202f")
        if len(written) <= 60 and (values := frozenset(_readings(written))):
            found.append(((match.start(), match.start() + len(written)), values))
    return tuple(found)


def _readings(written: str) -> Iterator[Decimal]:
    digits = re.sub(r"['’\s]", "", written.replace("\u2212", "-"))
    for grouped, point in ((",", "."), (".", ",")):
        value = _number(digits.replace(grouped, "").replace(point, "."))
        if value is not None:
            yield value
    if digits[1:].isdigit() and digits[0] == "-":
        yield Decimal(digits[1:])  # a dash in front, not a sign


ISO_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[T ].*)?", re.DOTALL)
DAY = re.compile(
    r"(?<![0-9])(?:(?P<y>[0-9]{4})[-./](?P<m>[0-9]{1,2})[-./](?P<d>[0-9]{1,2})"
    r"|(?P<a>[0-9]{1,2})[-./] ?(?P<b>[0-9]{1,2})[-./] ?(?P<y2>[0-9]{4})"
    r"|(?P<d3>[0-9]{1,2})(?:\.|st|nd|rd|th)? (?:of )?(?P<n3>[^\W\d_]{3,9})\.?,? (?P<y3>[0-9]{4})"
    r"|(?<![^\W\d_])(?P<n4>[^\W\d_]{3,9})\.? (?P<d4>[0-9]{1,2})(?:st|nd|rd|th)?,? (?P<y4>[0-9]{4}))(?![0-9])"
)
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
OTHER_MONTHS = {"mär": 3, "mai": 5, "okt": 10, "dez": 12, "jän": 1}


def _day(text: str) -> date | None:
    match = ISO_DAY.fullmatch(text) if len(text) < 40 else None
    return _date(*match.groups()[:3]) if match else None


@lru_cache(512)
def _days(text: str) -> tuple[tuple[tuple[int, int], frozenset[date]], ...]:
    """Each day in a text, with what it may mean: `03/04/2026` may be in March or in April."""
    found = []
    for match in DAY.finditer(text):
        days = frozenset(day for day in _meant(match) if day is not None)
        if days:
            found.append((match.span(), days))
    return tuple(found)


def _meant(match: "re.Match[str]") -> Iterator[date | None]:
    got = match.groupdict()
    if got["y"]:
        yield _date(got["y"], got["m"], got["d"])
    elif got["y2"]:
        yield _date(got["y2"], got["a"], got["b"])
        yield _date(got["y2"], got["b"], got["a"])
    else:
        name = (got["n3"] or got["n4"])[:3].lower()
        month = MONTHS.index(name) + 1 if name in MONTHS else OTHER_MONTHS.get(name)
        if month:
            yield _date(got["y3"] or got["y4"], month, got["d3"] or got["d4"])


def _date(year: Any, month: Any, day: Any) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None
