"""Functions that are called with the events of runs: `@on("run.completed", agent=SupportAgent)`."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from agents_app.core.events import EventType, RecordedEvent
from agents_app.core.subscriptions import Subscription, subscriptions
from agents_app.definitions.agent import Agent

HandlerFunction = Callable[[RecordedEvent], Any]
Function = TypeVar("Function", bound=HandlerFunction)
AgentOrName = type[Agent[Any]] | str

NAME_LENGTH = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Handler:
    """A function and what it wants to hear of.

    `timeout`: seconds after which a call that has not returned may be made again, elsewhere.
    `attempts`: how often one event is tried; None for the setting. `named_agents`: those given by name.
    """

    name: str
    function: HandlerFunction
    subscription: Subscription
    timeout: float
    attempts: int | None
    named_agents: tuple[str, ...] = ()


class HandlerRegistry:
    """The handlers of this process, by name."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}

    def add(self, handler: Handler) -> None:
        """Know a handler; a module that is loaded anew replaces its own. Raises ValueError if the name is taken."""
        known = self._handlers.get(handler.name)
        if known is not None and (known.function is handler.function or _place(known) != _place(handler)):
            raise ValueError(
                f"Two event handlers are called “{handler.name}”: {_place(known)} and {_place(handler)}. "
                "Give one of them a name of its own: @on(…, name=…)."
            )
        self._handlers[handler.name] = handler
        subscriptions.add(handler.subscription)

    def all(self) -> list[Handler]:
        """All of them, by name."""
        return [self._handlers[name] for name in sorted(self._handlers)]

    def get(self, name: str) -> Handler | None:
        """The handler of this name, if this process knows it."""
        return self._handlers.get(name)

    @contextmanager
    def override(self, *functions: HandlerFunction) -> Iterator[None]:
        """For tests: inside, only the handlers of these functions are known, and those declared meanwhile."""
        before = self._handlers
        kept = [handler for handler in before.values() if handler.function in functions]
        self._handlers = {handler.name: handler for handler in kept}
        try:
            with subscriptions.override(*(handler.subscription for handler in kept)):
                yield
        finally:
            self._handlers = before


handlers = HandlerRegistry()


def on(
    *types: str,
    agent: AgentOrName | Iterable[AgentOrName] | None = None,
    name: str | None = None,
    replay: bool = False,
    timeout: float = 60.0,
    attempts: int | None = None,
) -> Callable[[Function], Function]:
    """Decorator: call the function, sync or async, with each event of these types, at least once, after the commit.

    types: `"run.completed"`; `"run.*"` and `"*"` stand for several. agent: a class or a name, or several; all if left
    out. name: what the handler's progress is stored under; its module and qualified name if left out. replay: also for
    what was recorded before the handler was first known. timeout: seconds that a call may take. attempts: at one
    event, before the handler is parked for that run; the setting HANDLER_ATTEMPTS if left out.
    Raises ValueError for types that do not exist, names that are taken or unstable, and options that make no sense.
    """
    if timeout <= 0 or (attempts is not None and attempts < 1):
        raise ValueError("@on: `timeout` is in seconds and above 0, and `attempts` is at least 1.")
    wanted = _event_types(types)
    agents = _agents(agent)

    def declare(function: Function) -> Function:
        own = _name(function, name)
        _check_parameters(function, own)
        every = None if agents is None else frozenset(each for one in agents for each in _names(one))
        subscription = Subscription(handler=own, types=wanted, agents=every, replay=replay)
        handlers.add(
            Handler(
                name=own,
                function=function,
                subscription=subscription,
                timeout=timeout,
                attempts=attempts,
                named_agents=tuple(each for each in agents or () if isinstance(each, str)),
            )
        )
        return function

    return declare


def _event_types(given: tuple[str, ...]) -> frozenset[str]:
    known = [str(each) for each in EventType]
    if not given or not all(isinstance(each, str) for each in given):
        raise ValueError('@on takes types of events, for example @on("run.completed"); "*" stands for all of them.')
    found: set[str] = set()
    for each in given:
        matching = [name for name in known if fnmatchcase(name, each)]
        if not matching:
            near = get_close_matches(each, known, n=1)
            hint = f"Did you mean “{near[0]}”?" if near else f"There are: {', '.join(known)}."
            raise ValueError(f"@on: there is no event “{each}”. {hint}")
        found.update(matching)
    return frozenset(found)


def _agents(given: AgentOrName | Iterable[AgentOrName] | None) -> tuple[AgentOrName, ...] | None:
    if given is None:
        return None
    several = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str | type) else (given,)
    for each in several:
        if not isinstance(each, str) and not (isinstance(each, type) and issubclass(each, Agent)):
            raise ValueError(f"@on: `agent` takes subclasses of Agent and names of agents, not {each!r}.")
        if not isinstance(each, str) and not isinstance(getattr(each, "name", None), str):
            raise ValueError(f"@on: {each.__qualname__} has no name; runs are stored under the names of their agents.")
    if not several:
        raise ValueError("@on: `agent` is empty, so that no event would ever come. Leave it out for all agents.")
    return several


def _names(agent: AgentOrName) -> Iterable[str]:
    if isinstance(agent, str):
        return (agent,)
    formerly = agent.formerly if isinstance(agent.formerly, tuple | list) else ()
    return (agent.name, *formerly)


def _name(function: object, given: str | None) -> str:
    if not callable(function):
        raise ValueError(f"@on is for functions, not for {function!r}.")
    name = given or _path(function)
    if "<" in name and given is None:
        raise ValueError(f"@on: “{name}” may be another function tomorrow. Give the handler a name: @on(…, name=…).")
    if not name.strip() or len(name) > NAME_LENGTH:
        raise ValueError(f"@on: the name of a handler has 1 to {NAME_LENGTH} characters.")
    return name


def _check_parameters(function: HandlerFunction, name: str) -> None:
    try:
        inspect.signature(function).bind(None)
    except TypeError as error:
        raise ValueError(f"@on: {name} is called with one argument, the event: {error}.") from None


def _place(handler: Handler) -> str:
    return _path(handler.function)


def _path(function: object) -> str:
    place = function if hasattr(function, "__qualname__") else type(function)
    return f"{place.__module__}.{place.__qualname__}"
