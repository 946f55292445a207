"""Fitting a conversation to a number of tokens, as estimated. Pure.

Shortened first: results of tools, from the oldest on. Then the oldest turns go, each whole: a reply of the LLM with
what it was told next, so that no result stands without its call and no call without its result; the input of an
earlier run goes with its last turn, so that no answered request looks open. What stays in any case: the run's own
input, and its newest turn.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from agents_app.core.budgets import tokens_of
from agents_app.core.transcript import AssistantMessage, CallResult, Message, UserMessage

SHORT = 200
"""Characters kept of a result that is shortened."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cut:
    """What is left out of a list of messages, by their places. `short`: results that are shortened to `to` characters.

    `apply_cut` of the same messages gives the same again, whatever this code has become meanwhile.
    """

    dropped: tuple[tuple[int, int], ...] = ()
    short: tuple[int, ...] = ()
    to: int = SHORT

    def as_json(self) -> dict[str, Any]:
        """As it is stored with a step; `cut_from` gives it back."""
        return {"dropped": [list(each) for each in self.dropped], "short": list(self.short), "to": self.to}


def cut_from(stored: Mapping[str, Any]) -> Cut:
    """A stored cut."""
    dropped = tuple((int(first), int(end)) for first, end in stored.get("dropped", []))
    return Cut(dropped=dropped, short=tuple(stored.get("short", [])), to=stored.get("to", SHORT))


def apply_cut(messages: Sequence[Message], cut: Cut) -> tuple[Message, ...]:
    """What is sent of them."""
    gone = set(chain.from_iterable(range(first, end) for first, end in cut.dropped))
    short = set(cut.short)
    return tuple(
        shortened(message, cut.to) if place in short else message
        for place, message in enumerate(messages)
        if place not in gone
    )


def shortened(message: Message, to: int = SHORT) -> Message:
    """The result with its beginning alone, and how long it was."""
    if not isinstance(message, CallResult) or len(message.content) <= to:
        return message
    said = f"{message.content[:to]}… [shortened; it had {len(message.content)} characters]"
    return replace(message, content=said) if len(said) < len(message.content) else message


def fit(messages: Sequence[Message], own: int, tokens: int) -> Cut:
    """What to leave out so that the messages take at most so many tokens.

    own: the place of the run's own input; before it stands what was said in earlier runs. If the input and the newest
    turn alone take more, they are what is left, with shortened results.
    """
    return _Fitting(messages, own).to(tokens)


class _Fitting:
    def __init__(self, messages: Sequence[Message], own: int) -> None:
        self._messages = messages
        self._own = own
        self._costs = [tokens_of(message) for message in messages]
        self._total = sum(self._costs)
        self._short: dict[int, int] = {}
        self._gone: list[tuple[int, int]] = []
        self._turns = turns = list(_turns(messages))
        # If the run has no turn yet, its input alone must stay.
        self._newest = turns[-1] if turns and turns[-1][0] > own else None

    def to(self, tokens: int) -> Cut:
        newest = len(self._messages) if self._newest is None else self._newest[0]
        self._shorten(range(newest), tokens)
        self._drop(tokens)
        self._shorten(range(newest, len(self._messages)), tokens)
        self._restore(tokens)
        return Cut(dropped=tuple(_joined(self._gone)), short=tuple(sorted(self._short)))

    def _shorten(self, places: range, tokens: int) -> None:
        for place in places:
            if self._total <= tokens:
                return
            saved = self._costs[place] - tokens_of(shortened(self._messages[place]))
            if saved > 0:
                self._short[place] = saved
                self._total -= saved

    def _drop(self, tokens: int) -> None:
        for ranges in self._oldest():
            if self._total <= tokens:
                return
            self._gone += ranges
            places = [*chain.from_iterable(range(first, end) for first, end in ranges)]
            self._total -= sum(self._costs[place] - self._short.pop(place, 0) for place in places)

    def _oldest(self) -> Iterator[list[tuple[int, int]]]:
        """What may go, the oldest first, and what goes together. Of an earlier run its turns, and with the last of them
        its input, which would read as a request that nobody has answered; of this one its turns alone."""
        asked: list[tuple[int, int]] = []
        of_run: list[tuple[int, int]] = []
        turns = {first: end for first, end in self._turns if (first, end) != self._newest}
        for place, message in enumerate(self._messages):
            if isinstance(message, UserMessage):
                yield from _together(asked, of_run)
                asked, of_run = [(place, place + 1)] if place < self._own else [], []
            elif place in turns:
                of_run.append((place, turns[place]))
        yield from _together(asked, of_run)

    def _restore(self, tokens: int) -> None:
        """Whole again, the newest first, what fits now that older turns are gone."""
        for place in sorted(self._short, reverse=True):
            if self._total + self._short[place] > tokens:
                return
            self._total += self._short.pop(place)


def _together(asked: list[tuple[int, int]], turns: list[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    yield from ([turn] for turn in turns[:-1])
    if last := [*asked, *turns[-1:]]:
        yield last


def _turns(messages: Sequence[Message]) -> Iterator[tuple[int, int]]:
    """From each reply of the LLM to what follows it that is no reply and no input of a run."""
    begun: int | None = None
    for place, message in enumerate(messages):
        if isinstance(message, AssistantMessage | UserMessage):
            if begun is not None:
                yield begun, place
            begun = place if isinstance(message, AssistantMessage) else None
    if begun is not None:
        yield begun, len(messages)


def _joined(ranges: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    begun: tuple[int, int] | None = None
    for first, end in sorted(ranges):
        if begun is not None and first <= begun[1]:
            begun = begun[0], max(end, begun[1])
            continue
        if begun is not None:
            yield begun
        begun = first, end
    if begun is not None:
        yield begun
