"""Event handlers for tests: they note what they are told, and do what the test says."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from agents_app import on
from agents_app.core.events import RecordedEvent
from agents_app.definitions.handlers import handlers
from agents_app.models import EventCursor


class Ear:
    """A handler; `heard` is what it was told, also where it raised then. does: called with each event."""

    def __init__(self, does: Callable[[RecordedEvent], Any] | None = None) -> None:
        self.heard: list[RecordedEvent] = []
        self.does = does

    def __call__(self, event: RecordedEvent) -> Any:
        self.heard.append(event)
        return self.does(event) if self.does else None

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.heard]

    @property
    def numbers(self) -> list[int]:
        return [event.sequence for event in self.heard]


@contextmanager
def no_handlers() -> Iterator[None]:
    """Only handlers that are declared inside are known."""
    with handlers.override():
        yield


def ear(*types: str, name: str = "ear", does: Callable[[RecordedEvent], Any] | None = None, **options: Any) -> Ear:
    """Declare one."""
    found = Ear(does)
    on(*types, name=name, **options)(found)
    return found


def cursor(name: str = "ear") -> EventCursor:
    """The only cursor of the handler."""
    return EventCursor.objects.get(handler=name)
