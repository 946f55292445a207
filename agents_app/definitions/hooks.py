"""The four questions that a tool's author may answer about a call, beside the tool itself."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

HookFunction = Callable[..., Any]


class HookKind(StrEnum):
    """The names of the hooks, as written: `@refund.needs_approval`."""

    NEEDS_APPROVAL = "needs_approval"
    SUMMARY = "summary"
    PRECONDITION = "precondition"
    RECONCILE = "reconcile"


@dataclass(frozen=True, kw_only=True, slots=True)
class Hook:
    """One declared hook. `foreign`: declared outside of the class (or module) of its tool."""

    kind: HookKind
    function: HookFunction
    foreign: bool


def declared_together(tool: HookFunction, hook: HookFunction) -> bool:
    """Whether both are written in the same class body; of functions, in the same module."""
    return _place(tool) == _place(hook)


def in_class_body(function: HookFunction) -> bool:
    """Whether the function is a method: then the last but one part of its name is its class's."""
    outer = getattr(function, "__qualname__", "").rpartition(".")[0]
    return bool(outer) and not outer.endswith("<locals>")


def _place(function: HookFunction) -> tuple[str, str]:
    outer = function.__qualname__.rpartition(".")[0] if in_class_body(function) else ""
    return getattr(function, "__module__", ""), outer
