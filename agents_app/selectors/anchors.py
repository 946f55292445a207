"""Verifying anchors: none is changed or missing, and each run that they speak of is there, with the link it had."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

from agents_app.core.chain import START
from agents_app.models import AgentContext, AgentEvent, ArchivedRun, AuditAnchor
from agents_app.models.audit_anchor import AnchoredRun
from agents_app.selectors.chains import Finding, Problem

BATCH = 500
"""Runs of an anchor that are looked at together."""

AT_ONCE = 10
"""Anchors in memory."""


def anchors() -> Iterator[AuditAnchor]:
    """All there are, the first first, a few at a time."""
    number = 0
    rows = AuditAnchor.objects.order_by("number")
    while some := list(rows.filter(number__gt=number)[:AT_ONCE]):
        yield from some
        number = some[-1].number


def verify_anchors(copies: Mapping[int, str] | None = None) -> Iterator[Finding | None]:
    """For each anchor, and each of its runs that does not fit, what does not; None for an anchor that fits.

    copies: seals by number, from where nobody who writes into this database can change them.
    """
    expected, before = 1, START
    left = dict(copies or {})
    for anchor in anchors():
        if anchor.number != expected:
            yield _missing(expected, anchor.number - 1)
        found = _itself(anchor, before if anchor.number == expected else None, left.pop(anchor.number, None))
        yield found
        if found is None:
            yield from _runs(anchor)
        expected, before = anchor.number + 1, anchor.seal
    if gone := [number for number in left if number >= expected]:
        yield _missing(min(gone), max(gone))


def _itself(anchor: AuditAnchor, before: str | None, copy: str | None) -> Finding | None:
    """What is wrong with the anchor; before: the seal of the one before it, None if that is missing."""
    text = ""
    if anchor.sealed() != anchor.seal:
        text = "It is not what it was when it was made."
    elif before is not None and anchor.before != before:
        text = "It does not go on from the one before it."
    elif copy is not None and anchor.seal != copy:
        text = "It is another than the copy of it."
    if not text:
        return None
    return Finding(run=None, problem=Problem.CHANGED, row=f"audit anchor {anchor.number}", message=text)


def _missing(first: int, last: int) -> Finding:
    name, text = (f"audit anchor {first}", "It is gone.")
    if first != last:
        name, text = f"audit anchors {first}–{last}", "They are gone."
    return Finding(run=None, problem=Problem.MISSING, row=name, message=text)


def _runs(anchor: AuditAnchor) -> Iterator[Finding]:
    rest = anchor.anchored()
    while lines := list(islice(rest, BATCH)):
        known = _read(lines)
        for line in lines:
            # A run may be archived or restored while it is looked at: what does not fit is looked at again, alone.
            if known.finding(anchor, line) and (found := _read([line]).finding(anchor, line)):
                yield found


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    """What there is of some runs: in the database (version and head), archived, and links of older events."""

    here: Mapping[UUID, tuple[int, str]]
    away: Mapping[UUID, tuple[int, str]]
    links: Mapping[tuple[UUID, int], str]

    def finding(self, anchor: AuditAnchor, line: AnchoredRun) -> Finding | None:
        """What does not fit about this run, by this anchor."""
        when = f"Anchor {anchor.number} of {anchor.made_at:%Y-%m-%d}"
        there = self.here.get(line.run) or self.away.get(line.run)
        if there is None:
            text = f"{when} knew it, with {line.sequence} events. It is neither in the database nor archived."
            return Finding(run=line.run, problem=Problem.MISSING, row="run", message=text)
        version, head = there
        if version < line.sequence:
            text = f"{when} knew it with {line.sequence} events; it has {version}."
            return Finding(run=line.run, problem=Problem.MISSING, row=f"event {version + 1}", message=text)
        if version == line.sequence and head == line.link:
            return None
        link = self.links.get((line.run, line.sequence)) if line.run in self.here else _of_archived(there, line)
        if link != line.link:
            text = f"{when} knew another link of event {line.sequence}: the chain was made anew."
            return Finding(run=line.run, problem=Problem.CHANGED, row=f"event {line.sequence}", message=text)
        return None


def _of_archived(there: tuple[int, str], line: AnchoredRun) -> str:
    """Its older links are in the archive."""
    version, head = there
    return head if version == line.sequence and line.link else line.link


def _read(lines: Sequence[AnchoredRun]) -> _Known:
    wanted = {line.run: line for line in lines}
    here = _heads(AgentContext, list(wanted))
    away = _heads(ArchivedRun, [run for run in wanted if run not in here])
    older = [run for run, there in here.items() if there != (wanted[run].sequence, wanted[run].link)]
    links: dict[tuple[UUID, int], str] = {}
    if older:
        numbers = {wanted[run].sequence for run in older}
        events = AgentEvent.objects.filter(context_id__in=older, sequence__in=numbers)
        for run, sequence, link in events.values_list("context_id", "sequence", "link").iterator(chunk_size=BATCH):
            if wanted[run].sequence == sequence:
                links[run, sequence] = link or ""
    return _Known(here=here, away=away, links=links)


def _heads(model: Any, runs: list[UUID]) -> dict[UUID, tuple[int, str]]:
    found = model.objects.filter(pk__in=runs).values_list("pk", "version", "chain_head")
    return {run: (version, head or "") for run, version, head in found}
