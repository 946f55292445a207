"""Signals for the team's own code. They are sent after commit; an exception in a receiver is logged, not raised."""

from collections.abc import Callable
from typing import Any

from django.dispatch import Signal

from agents_app.core.events import RecordedEvent

event_recorded = Signal()
"""Sent for every event. Arguments: event (RecordedEvent)."""

run_changed = Signal()
"""Sent once per committed change. Arguments: run_id (UUID), version (int, the number of its last event)."""


__all__ = ["RecordedEvent", "disconnect", "event_recorded", "receive", "run_changed"]

Receiver = Callable[[RecordedEvent], Any]

_connected: dict[Receiver, set[tuple[str | None, str | None]]] = {}


def receive(
    type: str | None = None,  # noqa: A002 (the word of the events)
    *,
    agent: str | None = None,
) -> Callable[[Receiver], Receiver]:
    """Decorator: call the function with each RecordedEvent, or only those of one type, or of one agent.

    At most once and in the process that committed; for work that must not be lost use `agents_app.on`.
    """

    def connect(function: Receiver) -> Receiver:
        def filtered(sender: object, event: RecordedEvent, **kwargs: Any) -> None:
            if type in (None, event.type) and agent in (None, event.agent):
                function(event)

        event_recorded.connect(filtered, weak=False, dispatch_uid=(function, type, agent))
        _connected.setdefault(function, set()).add((type, agent))
        return function

    return connect


def disconnect(function: Receiver) -> bool:
    """Undo `receive`; says whether the function was connected."""
    filters = _connected.pop(function, set())
    undone = [event_recorded.disconnect(dispatch_uid=(function, *each)) for each in filters]
    return any(undone)
