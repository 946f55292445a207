"""Which handlers want to hear of which events. Filled by `definitions`, asked by whoever writes an event."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Subscription:
    """What one handler wants. `agents`: names of agents, former ones too; None for all.

    `replay`: also what was recorded before anybody knew the handler.
    """

    handler: str
    types: frozenset[str]
    agents: frozenset[str] | None = None
    replay: bool = False

    def wants(self, agent: str, event_type: str) -> bool:
        """Whether an event of this type, of a run of this agent, is for the handler."""
        return event_type in self.types and (self.agents is None or agent in self.agents)


class Subscriptions:
    """One for each handler of this process, by its name. False if there is none, which costs nothing to ask."""

    def __init__(self) -> None:
        self._known: dict[str, Subscription] = {}

    def __bool__(self) -> bool:
        return bool(self._known)

    def add(self, subscription: Subscription) -> None:
        """Know a handler; one of the same name is replaced."""
        self._known[subscription.handler] = subscription

    def all(self) -> list[Subscription]:
        """All of them, by name."""
        return [self._known[name] for name in sorted(self._known)]

    def get(self, handler: str) -> Subscription:
        """What the handler of this name wants. Raises KeyError."""
        return self._known[handler]

    def names(self) -> list[str]:
        """The names of the handlers."""
        return sorted(self._known)

    def wanted(self, agent: str, events: Iterable[tuple[int, str]]) -> dict[str, int]:
        """By handler: the number of the last of these events (number, type) that it wants to hear of."""
        found: dict[str, int] = {}
        for number, event_type in events:
            for name, subscription in self._known.items():
                if subscription.wants(agent, event_type):
                    found[name] = number
        return found

    @contextmanager
    def override(self, *known: Subscription) -> Iterator[None]:
        """For tests: inside, exactly these are known."""
        before, self._known = self._known, {each.handler: each for each in known}
        try:
            yield
        finally:
            self._known = before


subscriptions = Subscriptions()
