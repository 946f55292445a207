"""What the demo LLM finds in a conversation by looking for words and numbers. Nothing here understands anything."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from agents_app.core.briefing import OPENING
from agents_app.core.transcript import AssistantMessage, CallResult, LLMRequest, UserMessage
from agents_app.llm.demo_memory import known_of_the_user

ASK_USER = "ask_user"

ORDER_NUMBER = re.compile(r"\b[A-Z]{1,4}-?\d{3,}\b")
EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_MONEY = r"(\d+(?:[.,]\d{1,2})?)"
AMOUNT = re.compile(rf"{_MONEY}\s?(?:EUR|USD|GBP|€|\$|£|euros?\b|dollars?\b)|(?:EUR|USD|GBP|€|\$|£)\s?{_MONEY}", re.I)
AMOUNT_KEYS = ("refundable", "amount", "refunded", "total", "paid", "price")
REJECTION = re.compile(r"\b(reject|declin|refus|not approved|denied)", re.I)
REASON = re.compile(r"\breason:\s*(.+)|\b(?:rejected|declined|refused|denied)\b[^:]{0,60}:\s*(.+)", re.I | re.S)
REASON_KEYS = ("reason", "message", "comment", "note", "detail", "error")
PASSAGE = re.compile(r"^\| (\[\d+\]) ([^\n]*)\n((?:\| (?!\[\d+\] )[^\n]*\n?)+)", re.M)
"""A passage of a document, as it is quoted in what is known besides: its number, its source, its lines."""
CHANGED = re.compile(r"\bchanged\b[^{]*(?={)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """One call of this run and what came of it."""

    name: str
    arguments: Mapping[str, Any]
    content: str
    failed: bool

    @property
    def changed(self) -> Any:
        """The arguments that a person put in place of the LLM's; None if nobody did."""
        return read_json(self.content) if CHANGED.search(self.content) else None

    @property
    def data(self) -> Any:
        """The result as JSON object or array, also when a note stands before it; None if there is none."""
        found = list(all_json(self.content))
        return found[-1] if len(found) > (self.changed is not None) else None

    @property
    def plain(self) -> str:
        """The result in words and numbers."""
        text = self.content.split("\n", 1)[-1] if self.changed is not None else self.content
        try:
            value = json.loads(text)
        except ValueError:
            value = self.data if self.data is not None else text
        return _in_words(value) or text

    @property
    def rejected(self) -> bool:
        """Whether a person (or a rule) said no."""
        return (self.failed or self.data is None) and bool(REJECTION.search(self.content))

    @property
    def reason(self) -> str:
        """Why it was rejected or failed, as far as it is said."""
        found = find(self.data, REASON_KEYS)
        if isinstance(found, str):
            return found
        match = REASON.search(self.content)
        return (match[1] or match[2]).strip() if match else self.plain.strip()

    @property
    def amount(self) -> Decimal | None:
        """The amount that the call was really made with."""
        values = (find(self.changed, AMOUNT_KEYS), find(self.data, AMOUNT_KEYS), self.arguments.get("amount"))
        return next(filter(None, map(decimal, values)), None)

    @property
    def asked_amount(self) -> Decimal | None:
        """The amount that the LLM proposed."""
        return decimal(self.arguments.get("amount"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """A conversation, reduced to what the rules look at. `passages`: texts of documents that were found for it, each
    with its number and where it stands; `known`: what is remembered of the user."""

    input: str
    said: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    passages: tuple[tuple[str, str, str], ...] = ()
    known: tuple[str, ...] = ()

    def find(self, pattern: re.Pattern[str]) -> str | None:
        """The newest match in what the user said: answers first, then the input, then earlier inputs."""
        for text in self.said:
            if match := pattern.search(text):
                return next((group for group in match.groups() if group), match.group(0))
        return None

    @property
    def amount(self) -> Decimal | None:
        """The amount that the user named; else the amount of what was looked up."""
        if named := self.find(AMOUNT):
            return decimal(named.replace(",", "."))
        return next(filter(None, (decimal(find(outcome.data, AMOUNT_KEYS)) for outcome in self.outcomes)), None)

    def called(self, name: str) -> bool:
        """Whether this run has called the function."""
        return any(outcome.name == name for outcome in self.outcomes)


def facts_of(request: LLMRequest) -> Facts:
    """The facts of the request's last run; of earlier runs of its session only the inputs."""
    told = [(place, message) for place, message in enumerate(request.messages) if isinstance(message, UserMessage)]
    inputs = [(place, message) for place, message in told if not message.text.startswith(OPENING)]
    start = inputs[-1][0] if inputs else 0
    outcomes = tuple(_outcomes(request.messages[start:]))
    answers = [outcome.content for outcome in outcomes if outcome.name == ASK_USER]
    texts = [message.text for _, message in inputs]
    return Facts(
        input=texts[-1] if texts else "",
        said=(*reversed(answers), *reversed(texts)),
        outcomes=outcomes,
        passages=tuple(passage for _, message in told for passage in _passages(message.text)),
        known=tuple(fact for _, message in told for fact in known_of_the_user(message.text)),
    )


def _passages(text: str) -> Iterator[tuple[str, str, str]]:
    if text.startswith(OPENING):
        for number, source, lines in PASSAGE.findall(text):
            yield number, source, " ".join(line.removeprefix("| ").strip() for line in lines.splitlines()).strip()


def _outcomes(messages: Sequence[Any]) -> Iterable[Outcome]:
    arguments: dict[str, Any] = {}
    for message in messages:
        if isinstance(message, AssistantMessage):
            arguments |= {call.id: read_json(call.arguments) for call in message.calls}
        elif isinstance(message, CallResult):
            given = arguments.get(message.call_id)
            yield Outcome(
                name=message.name,
                arguments=given if isinstance(given, dict) else {},
                content=message.content,
                failed=message.failed,
            )


def all_json(text: str) -> Iterator[Any]:
    """The JSON objects and arrays in this text, in order."""
    decoder = json.JSONDecoder()
    place = 0
    while match := re.compile(r"[\[{]").search(text, place):
        try:
            value, place = decoder.raw_decode(text, match.start())
        except ValueError:
            place = match.end()
        else:
            yield value


def read_json(text: str) -> Any:
    """The first JSON object or array in this text; None if there is none."""
    return next(all_json(text), None)


def _in_words(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(filter(None, (_in_words(item) for item in value[:5])))
    if not isinstance(value, dict):
        return "" if value is None else str(value)
    plain = {key: item for key, item in value.items() if isinstance(item, str | int | float) and item != ""}
    return ", ".join(f"{key.replace('_', ' ')} {item}" for key, item in plain.items())


def find(data: Any, keys: Sequence[str]) -> Any:
    """The value of the first of these keys at any depth, the outermost first."""
    if isinstance(data, Mapping):
        for key in keys:
            if data.get(key) not in (None, ""):
                return data[key]
    inner = data.values() if isinstance(data, Mapping) else data if isinstance(data, list) else ()
    return next((found for value in inner if (found := find(value, keys)) is not None), None)


def decimal(value: Any) -> Decimal | None:
    """The value as a number, if it is one."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def words(text: str) -> frozenset[str]:
    """The words of a text, lower case, without the plural s."""
    return frozenset(word.removesuffix("s") for word in re.findall(r"[a-z]{2,}", text.lower()))
