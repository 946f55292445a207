"""`tool`, which turns a method or a function into a tool, its hooks, and `Toolset`.

A decorated tool stays a plain call. What a decorator is given is only remembered here; it is judged when the agent is
resolved (`tool_spec.py`), so that a mistake becomes a check error and not a crash at import.
"""

from collections.abc import Callable, Coroutine
from types import FunctionType
from typing import (
    Any,
    Concatenate,
    Generic,
    Literal,
    ParamSpec,
    Self,
    TypeAlias,
    TypedDict,
    TypeVar,
    Unpack,
    cast,
    overload,
)

from agents_app.core.approval_times import ApprovalTimes
from agents_app.core.approver_rules import Approvers
from agents_app.definitions.hooks import Hook, HookKind, declared_together, in_class_body
from agents_app.definitions.reconcile import Happened, NotHappened

EffectName: TypeAlias = Literal["read", "idempotent", "atomic", "external"]
Isolation: TypeAlias = Literal["thread", "process"]
RiskName: TypeAlias = Literal["low", "medium", "high"]

HOOK_OF = "_agents_app_hook_of"

P = ParamSpec("P")
Value = TypeVar("Value")
"""What calling a tool gives: its result, or a coroutine of it."""
Result = TypeVar("Result")
HookResult = TypeVar("HookResult")


class ToolOptions(TypedDict, total=False):
    """What `tool(...)` takes. What is left out depends on the effect (see `tool_spec.py`).

    `effect`: what repeating a call would do. `requires_approval`: a person must approve every call. `timeout`: seconds
    for one attempt. `retries`: further attempts after a failed one. `permission`: what an approver needs, as
    "app.codename". `approvers`: who may decide, by group, quorum, stages. `times`: when a question expires, is
    recalled, goes to others. `summary`: one line about a call for people, with the arguments' names in braces.
    `isolation`: "process" runs the tool in a process of its own, which can be killed. `decide_by_link`: an approver may
    decide by a link in their mail, without logging in. `risk`: how bad a wrong yes would be, which approvers are shown.
    `name`: what the LLM calls it.
    """

    effect: EffectName
    requires_approval: bool
    timeout: float
    retries: int
    permission: str | None
    approvers: Approvers | None
    times: ApprovalTimes | None
    summary: str
    isolation: Isolation
    decide_by_link: bool
    risk: RiskName
    name: str


class ToolOwner:
    """Base of the classes whose methods may be tools: `Agent` and `Toolset`."""


Owner = TypeVar("Owner", bound=ToolOwner)
Hooked = TypeVar("Hooked", bound=ToolOwner)


class Tool(Generic[P, Value, Result]):
    """A declared tool: the function, its options and its hooks."""

    def __init__(self, function: Callable[..., Any], options: ToolOptions) -> None:
        self.function = function
        self.options = options
        self.hooks: list[Hook] = []
        self.__doc__ = function.__doc__
        self.__wrapped__ = function

    @property
    def name(self) -> str:
        """What the LLM calls the tool: the option `name`, else the function's name."""
        return self.options.get("name", getattr(self.function, "__name__", ""))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def _remember(self, kind: HookKind, function: Callable[..., Any]) -> None:
        self.hooks.append(Hook(kind=kind, function=function, foreign=not declared_together(self.function, function)))
        if isinstance(function, FunctionType):
            # A hook with the tool's own name takes its place in the class; this lets the checks find out.
            function.__dict__[HOOK_OF] = self


class FunctionTool(Tool[P, Value, Result]):
    """A plain function as a tool."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Value:
        result: Value = self.function(*args, **kwargs)
        return result

    def needs_approval(self, hook: Callable[P, bool | str], /) -> Callable[P, bool | str]:
        """Must a person approve this call? Anything but False asks; a sentence says why."""
        self._remember(HookKind.NEEDS_APPROVAL, hook)
        return hook

    def summary(self, hook: Callable[P, str], /) -> Callable[P, str]:
        """One line about this call for people."""
        self._remember(HookKind.SUMMARY, hook)
        return hook

    def precondition(self, hook: Callable[P, bool | str], /) -> Callable[P, bool | str]:
        """May this call start now? True, or the sentence why not; anything but True refuses."""
        self._remember(HookKind.PRECONDITION, hook)
        return hook

    def reconcile(
        self, hook: Callable[P, Happened[Result] | NotHappened | None], /
    ) -> Callable[P, Happened[Result] | NotHappened | None]:
        """Did a call of unknown outcome take effect? `happened(result)`, `not_happened`, or None: cannot tell."""
        self._remember(HookKind.RECONCILE, hook)
        return hook


class MethodTool(Tool[P, Value, Result]):
    """A method of an Agent or a Toolset as a tool. `P` is without `self`."""

    @overload
    def __get__(self, instance: None, owner: type[Any]) -> Self: ...
    @overload
    def __get__(self, instance: ToolOwner, owner: type[Any]) -> Callable[P, Value]: ...
    def __get__(self, instance: ToolOwner | None, owner: type[Any]) -> Self | Callable[P, Value]:
        if instance is None:
            return self
        bound: Callable[P, Value] = self.function.__get__(instance, owner)
        return bound

    def needs_approval(
        self, hook: Callable[Concatenate[Hooked, P], bool | str], /
    ) -> Callable[Concatenate[Hooked, P], bool | str]:
        """Must a person approve this call? Anything but False asks; a sentence says why."""
        self._remember(HookKind.NEEDS_APPROVAL, hook)
        return hook

    def summary(self, hook: Callable[Concatenate[Hooked, P], str], /) -> Callable[Concatenate[Hooked, P], str]:
        """One line about this call for people."""
        self._remember(HookKind.SUMMARY, hook)
        return hook

    def precondition(
        self, hook: Callable[Concatenate[Hooked, P], bool | str], /
    ) -> Callable[Concatenate[Hooked, P], bool | str]:
        """May this call start now? True, or the sentence why not; anything but True refuses."""
        self._remember(HookKind.PRECONDITION, hook)
        return hook

    def reconcile(
        self, hook: Callable[Concatenate[Hooked, P], Happened[Result] | NotHappened | None], /
    ) -> Callable[Concatenate[Hooked, P], Happened[Result] | NotHappened | None]:
        """Did a call of unknown outcome take effect? `happened(result)`, `not_happened`, or None: cannot tell."""
        self._remember(HookKind.RECONCILE, hook)
        return hook


class ToolDecorator:
    """The decorator `tool`, bare or with options."""

    def __init__(self, options: ToolOptions) -> None:
        self._options = options

    # A method of an owner also fits the overloads for functions; the first that fits is the right one.
    @overload
    def __call__(  # type: ignore[overload-overlap]
        self, function: Callable[Concatenate[Owner, P], Coroutine[Any, Any, Result]], /
    ) -> MethodTool[P, Coroutine[Any, Any, Result], Result]: ...
    @overload
    def __call__(self, function: Callable[Concatenate[Owner, P], Result], /) -> MethodTool[P, Result, Result]: ...
    @overload
    def __call__(
        self, function: Callable[P, Coroutine[Any, Any, Result]], /
    ) -> FunctionTool[P, Coroutine[Any, Any, Result], Result]: ...
    @overload
    def __call__(self, function: Callable[P, Result], /) -> FunctionTool[P, Result, Result]: ...
    @overload
    def __call__(self, **options: Unpack[ToolOptions]) -> "ToolDecorator": ...
    def __call__(self, *functions: Callable[..., Any], **options: Any) -> Any:
        if not functions:
            return ToolDecorator(cast(ToolOptions, {**self._options, **options}))
        (function,) = functions
        kind = MethodTool if in_class_body(function) else FunctionTool
        return kind(function, self._options)


tool = ToolDecorator({})


class Toolset(ToolOwner):
    """Tools that several agents share: subclass it, decorate its methods, put an instance into `Agent.tools`.

    One instance serves all calls, also at the same time; keep no state of a call in it.
    """


ToolSource: TypeAlias = Toolset | Callable[..., Any]
"""What may stand in `Agent.tools`: a function, decorated or not, a Toolset or a class of one."""
