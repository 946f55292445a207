"""How urgent a run is, after its start."""

from agents_app.core.events import EventType
from agents_app.core.priority import RANKS, Priority, priority_of
from agents_app.transitions.change import Change


def prioritise(edit: Change, priority: Priority, *, by: str) -> None:
    """From its next turn on it is taken by this priority."""
    before = priority_of(edit.context.priority)
    edit.context.priority = RANKS[priority]
    edit.record(EventType.RUN_PRIORITISED, by=by or None, before=before, after=priority)
