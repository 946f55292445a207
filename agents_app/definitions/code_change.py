"""What an author says about runs that started under earlier code: a policy, and functions that bring them along."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, TypeVar
from uuid import UUID

from agents_app.definitions.problems import Code, Problem

OnCodeChange: TypeAlias = Literal["continue", "ask", "fail"]
POLICIES = ("continue", "ask", "fail")
_MIGRATES = "_agents_migrates"


@dataclass(kw_only=True)
class MigratingCall:
    """A tool call that the LLM wants and that was never started.

    `tool` and `arguments` (JSON values, sensitive ones open) may be changed; they are checked by the new code's tool.
    """

    id: UUID
    tool: str
    arguments: dict[str, Any]
    dropped: str | None = None

    def drop(self, reason: str) -> None:
        """This call will not be made; the LLM reads the reason."""
        self.dropped = reason


@dataclass(kw_only=True)
class MigratingRun:
    """A run that waits, on its way to newer code. What was done stays as it is; this is what may change.

    `calls` are those that were never started, in the proposed order. `metadata` is what `start_run` was given.
    """

    id: UUID
    calls: tuple[MigratingCall, ...]
    metadata: dict[str, Any] = field(default_factory=dict)

    def calls_of(self, tool: str) -> list[MigratingCall]:
        """Those of this tool."""
        return [call for call in self.calls if call.tool == tool]


Migration: TypeAlias = Callable[[Any, MigratingRun], None]
Migrations: TypeAlias = Mapping[tuple[str, str], str]
"""(from, to) → the name of the method."""
Owner = TypeVar("Owner")


def migrates(
    source: str, target: str
) -> Callable[[Callable[[Owner, MigratingRun], None]], Callable[[Owner, MigratingRun], None]]:
    """Method decorator: `@migrates("1", "2")` brings a waiting run from version 1 to version 2 of its agent.

    Several are followed one after the other. A function may be called more than once for one run: it changes the
    `MigratingRun` and nothing else. If it raises, the run is paused with the reason.
    """

    def mark(function: Callable[[Owner, MigratingRun], None]) -> Callable[[Owner, MigratingRun], None]:
        setattr(function, _MIGRATES, (source, target))
        return function

    return mark


def migrations_of(agent: type) -> tuple[dict[tuple[str, str], str], list[Problem]]:
    """The migration functions that a class has, by (from, to), and what is wrong with them."""
    found: dict[tuple[str, str], str] = {}
    problems: list[Problem] = []
    for name in dict.fromkeys(name for base in reversed(agent.__mro__) for name in vars(base)):
        function = inspect.getattr_static(agent, name)
        versions = getattr(function, _MIGRATES, None)
        if versions is None:
            continue
        wrong = _wrong(name, function, versions, found)
        problems += wrong
        if not wrong:
            found[versions] = name
    return found, problems


def _wrong(name: str, function: Any, versions: Any, found: Mapping[tuple[str, str], str]) -> list[Problem]:
    message = ""
    if not all(isinstance(version, str) and version for version in versions) or versions[0] == versions[1]:
        message = f"The migration “{name}” is not between two versions."
    elif any(source == versions[0] for source, _ in found):
        message = f"Two migrations begin at version {versions[0]}; “{name}” is one of them."
    elif not _takes_a_run(function):
        message = f"The migration “{name}” is no plain method that takes one run."
    hint = 'Write `@migrates("1", "2") def from_first(self, run: MigratingRun) -> None`, one for each earlier version.'
    return [Problem(code=Code.MIGRATION, message=message, hint=hint)] if message else []


def _takes_a_run(function: Any) -> bool:
    if not inspect.isfunction(function) or inspect.iscoroutinefunction(function):
        return False
    try:
        inspect.signature(function).bind(None, None)
    except TypeError:
        return False
    return True


def path(migrations: Migrations, source: str, target: str) -> list[str] | None:
    """The methods that lead from one version to another, in order; None if they do not."""
    steps = {begins: (ends, name) for (begins, ends), name in migrations.items()}
    names: list[str] = []
    while source != target:
        if source not in steps or len(names) > len(steps):
            return None
        source, name = steps[source]
        names.append(name)
    return names
