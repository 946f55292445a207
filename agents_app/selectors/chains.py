"""Whether a run's rows are what its hash chain says: what does not fit is named."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import models

from agents_app.core.chain import START
from agents_app.models import AgentEvent
from agents_app.models.audited import EVENT, differs, event_digest, event_link

MENTIONS = ("call", "request")
"""Under these names events speak of rows."""


class Problem(StrEnum):
    """What verifying may find. `unchained` is no damage: a release without the chain wrote it."""

    CHANGED = "changed"
    MISSING = "missing"
    ADDED = "added"
    GAP = "gap"
    UNCHAINED = "unchained"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that does not fit. `row` names it; `run` is None if it is an anchor."""

    run: UUID | None
    problem: Problem
    row: str
    message: str

    @property
    def broken(self) -> bool:
        """Whether it is damage."""
        return self.problem is not Problem.UNCHAINED


@dataclass(kw_only=True)
class RunChain:
    """One run being verified: give it the events in their order, then the rows, then ask `finding`.

    Digests are held, not rows. until: an event without a link is no damage before this moment.
    """

    run: UUID
    salt: str | None
    head: str | None
    version: int
    until: datetime | None
    _last: int = 0
    _link: str = START
    _moment: datetime | None = None
    _bound: dict[tuple[str, str], tuple[int, list[Any]]] = field(default_factory=dict)
    _rewritten: dict[str, tuple[int, str]] = field(default_factory=dict)
    _excused: dict[str, int] = field(default_factory=dict)
    _unchained: list[int] = field(default_factory=list)
    _first: Finding | None = None
    _rows: list[tuple[int, Finding]] = field(default_factory=list)

    def event(self, event: AgentEvent) -> None:
        """The next event."""
        if self._first is not None:
            return
        if event.sequence != self._last + 1:
            text = f"Event {self._last + 1} is missing."
            self._first = self._finding(Problem.MISSING, f"event {self._last + 1}", text)
            return
        self._last = event.sequence
        if event.link is None:
            self._without_link(event)
            return
        self._moment = event.at
        fresh = event_digest(self.salt or "", event)
        if event.digest is not None:
            self._rewritten[str(event.sequence)] = event.sequence, fresh
        if event_link(self._link, event, event.digest or fresh) != event.link:
            text = f"Event {event.sequence} ({event.type}) or its link is not what was written, or not in its place."
            self._first = self._finding(Problem.CHANGED, f"event {event.sequence}", text)
            return
        self._link = event.link
        for entry in event.bound or ():
            self._bound[entry[0], entry[1]] = event.sequence, entry

    def row(self, row: models.Model) -> None:
        """A row of the tables that the chain holds. After all events."""
        kind, key = str(row._meta.model_name), str(row.pk)
        sequence, entry = self._bound.pop((kind, key), (0, None))
        if self._first is not None or self._is_excused(row, sequence):
            return
        name = f"{row._meta.verbose_name} {key}"
        if entry is None:
            self._note(self._last + 1, Problem.ADDED, name, "No event speaks of this row.")
        elif differs(self.salt or "", row, entry):
            self._note(sequence, Problem.CHANGED, name, f"It is not what it was when event {sequence} was written.")

    def finding(self) -> Finding | None:
        """The first thing that does not fit, after all events and rows; None if all does."""
        if self._first is not None:
            return self._first
        end = self._end()
        if end is not None:
            return end
        self._look_at_rewritten()
        for (kind, key), (sequence, _) in self._bound.items():
            if kind != EVENT:
                self._note(
                    sequence, Problem.MISSING, f"{kind} {key}", f"Event {sequence} speaks of a row that is gone."
                )
        if self._rows:
            return min(self._rows, key=lambda found: found[0])[1]
        return self._gap()

    def _without_link(self, event: AgentEvent) -> None:
        """An older release wrote it, or somebody else did. Rows that it speaks of may have changed with it."""
        late = self.until is None or event.at >= self.until
        backdated = self._moment is not None and event.at < self._moment
        if late or backdated:
            text = f"Event {event.sequence} ({event.type}) has no link."
            self._first = self._finding(Problem.GAP, f"event {event.sequence}", text)
            return
        self._unchained.append(event.sequence)
        for name in MENTIONS:
            if name in event.data:
                self._excused[str(event.data[name])] = event.sequence

    def _is_excused(self, row: models.Model, sequence: int) -> bool:
        """Whether an event without a link spoke of it after the last one with a link that did."""
        keys = (row.pk, getattr(row, "request_id", None), getattr(row, "call_id", None))
        return any(self._excused.get(str(key), 0) > sequence for key in keys if key is not None)

    def _look_at_rewritten(self) -> None:
        for key, (number, digest) in self._rewritten.items():
            sequence, entry = self._bound.get((EVENT, key), (number, ["", "", ""]))
            if entry[2] != digest:
                text = "It was changed, and not by erasing a person."
                self._note(sequence, Problem.CHANGED, f"event {number}", text)

    def _end(self) -> Finding | None:
        if self._last < self.version:
            text = f"The run is at version {self.version}: event {self._last + 1} is missing."
            return self._finding(Problem.MISSING, f"event {self._last + 1}", text)
        if self._last > self.version:
            text = f"The run is at version {self.version}: later events were added."
            return self._finding(Problem.ADDED, f"event {self.version + 1}", text)
        if self._link != (self.head or START):
            return self._finding(Problem.CHANGED, "run", "The head of its chain is not the link of its last event.")
        return None

    def _gap(self) -> Finding | None:
        if not self._unchained:
            return None
        numbers = _ranges(self._unchained)
        text = f"Written by a release without the chain: events {numbers}. What they say is not proven."
        return self._finding(Problem.UNCHAINED, f"events {numbers}", text)

    def _note(self, sequence: int, problem: Problem, row: str, text: str) -> None:
        self._rows.append((sequence, self._finding(problem, row, text)))

    def _finding(self, problem: Problem, row: str, message: str) -> Finding:
        return Finding(run=self.run, problem=problem, row=row, message=message)


def _ranges(numbers: list[int]) -> str:
    """1–3, 7"""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in ranges)
