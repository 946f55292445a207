"""The story of a run in order, made from its events and the rows that they name."""

from collections.abc import Sequence
from typing import Any

from agents_app.admin import call_entries, grant_entries, memory_entries  # noqa: F401 (register the words for events)
from agents_app.admin.entries import Placed, Told, place
from agents_app.admin.links import Links
from agents_app.admin.run_rows import RunRows
from agents_app.core.events import EventType
from agents_app.models import AgentEvent

_E = EventType
STARTS = {_E.STEP_STARTED: "step", _E.TOOL_CALL_STARTED: "call"}
ENDS: dict[str, str] = {
    _E.STEP_COMPLETED: "step",
    _E.STEP_FAILED: "step",
    _E.TOOL_CALL_SUCCEEDED: "call",
    _E.TOOL_CALL_FAILED: "call",
    _E.TOOL_CALL_UNKNOWN: "call",
    _E.TOOL_CALL_READY: "call",
    _E.TOOL_CALL_CANCELLED: "call",
    _E.APPROVAL_REQUESTED: "call",
}
"""The events that end an attempt, and the row whose attempt it is."""


def timeline(rows: RunRows, links: Links) -> list[Placed]:
    """The entries of a run's page. The end of an attempt is told at its start."""
    outcomes = outcomes_of(rows.events)
    told_at_start = {outcome.sequence for outcome in outcomes.values()} - _told_again(outcomes)
    placed: list[Placed] = []
    for event in rows.events:
        if event.sequence in told_at_start:
            continue
        told = Told(event=event, outcome=outcomes.get(event.sequence), rows=rows, links=links)
        entry = place(told, rows.context.details.created_at)
        if entry is not None:
            placed.append(entry)
    return placed


def outcomes_of(events: Sequence[AgentEvent]) -> dict[int, AgentEvent]:
    """By the number of each event that starts an attempt: the event that ended it."""
    running: dict[Any, int] = {}
    found: dict[int, AgentEvent] = {}
    for event in events:
        if event.type in STARTS:
            running[event.data[STARTS[EventType(event.type)]]] = event.sequence
        elif event.type in ENDS:
            start = running.pop(event.data.get(ENDS[event.type]), None)
            if start is not None:
                found[start] = event
    return found


def _told_again(outcomes: dict[int, AgentEvent]) -> set[int]:
    """A request that a tool itself asks for ends its attempt, and is an entry of its own."""
    return {event.sequence for event in outcomes.values() if event.type == _E.APPROVAL_REQUESTED}
