"""Functions that name who may decide: `@approver_resolver("order_owner")`, for `Approvers(resolver="order_owner")`."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

from agents_app.core.approver_rules import RESOLVER
from agents_app.definitions.tool_context import ToolContext

Resolver: TypeAlias = Callable[[ToolContext, Mapping[str, Any]], Iterable[Any]]
"""Takes what is known of the run and the call's arguments by name; gives users."""

Function = TypeVar("Function", bound=Resolver)


class ResolverRegistry:
    """The resolvers of this process, by name."""

    def __init__(self) -> None:
        self._resolvers: dict[str, Resolver] = {}

    def add(self, name: str, function: Resolver) -> None:
        """Know a resolver; a module that is loaded anew replaces its own. Raises ValueError if the name is taken."""
        known = self._resolvers.get(name)
        if known is not None and _path(known) != _path(function):
            raise ValueError(f"Two approver resolvers are called “{name}”: {_path(known)} and {_path(function)}.")
        self._resolvers[name] = function

    def get(self, name: str) -> Resolver | None:
        """The resolver of this name, if this process knows it."""
        return self._resolvers.get(name)

    def names(self) -> list[str]:
        """All names."""
        return sorted(self._resolvers)

    @contextmanager
    def override(self, **functions: Resolver) -> Iterator[None]:
        """For tests: inside, only these are known, and those declared meanwhile."""
        before, self._resolvers = self._resolvers, dict(functions)
        try:
            yield
        finally:
            self._resolvers = before


resolvers = ResolverRegistry()


def approver_resolver(name: str) -> Callable[[Function], Function]:
    """Decorator: the function names who may decide on a call, for `Approvers(resolver=name)`.

    It takes a ToolContext and the call's arguments by name, and returns users. It is asked when the call is proposed or
    edited, and again right before the call starts. If it raises, nobody is named.
    Raises ValueError for a name that is taken or cannot be used, and for functions that do not take two arguments.
    """
    if not isinstance(name, str) or not RESOLVER.fullmatch(name):
        raise ValueError('@approver_resolver takes a name: @approver_resolver("order_owner").')

    def declare(function: Function) -> Function:
        if inspect.iscoroutinefunction(function):
            raise ValueError(f"@approver_resolver: {_path(function)} is `async def`; write it as `def`.")
        try:
            inspect.signature(function).bind(None, {})
        except TypeError as error:
            text = f"@approver_resolver: {_path(function)} is called with a context and the arguments: {error}."
            raise ValueError(text) from None
        resolvers.add(name, function)
        return function

    return declare


def _path(function: object) -> str:
    place = function if hasattr(function, "__qualname__") else type(function)
    return f"{place.__module__}.{place.__qualname__}"
