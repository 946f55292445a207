"""The tools that a class has as methods, with inheritance as Python has it, and `Agent.tools`."""

import inspect
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from agents_app.definitions.hooks import HookKind
from agents_app.definitions.problems import Code, Problem
from agents_app.definitions.resolve import DeclaredTool
from agents_app.definitions.tools import HOOK_OF, FunctionTool, MethodTool, Tool, ToolOwner, Toolset, tool

AnyTool = Tool[..., Any, Any]


def tools_of_class(
    owner: type[ToolOwner], make_owner: Callable[[], ToolOwner]
) -> tuple[list[DeclaredTool], list[Problem]]:
    """The methods that are tools, base classes' first, in the order of declaration."""
    names = [name for base in reversed(owner.__mro__) for name, value in vars(base).items() if _concerns(value)]
    found: list[DeclaredTool] = []
    problems: list[Problem] = []
    for name in dict.fromkeys(names):
        value, overridden = _two_latest(owner, name)
        if isinstance(value, MethodTool):
            found.append(DeclaredTool(tool=value, owner=owner, make_owner=make_owner))
            problems.extend(_dropped(name, value, overridden))
        elif value is not None:
            problems.append(_no_tool(name, value, overridden))
    return found, problems


def tools_of_sources(sources: Iterable[Any]) -> tuple[list[DeclaredTool], list[Problem]]:
    """The tools of `Agent.tools`: functions, toolsets and classes of toolsets."""
    found: list[DeclaredTool] = []
    problems: list[Problem] = []
    for source in sources:
        if isinstance(source, Toolset) or (inspect.isclass(source) and issubclass(source, Toolset)):
            tools, errors = _tools_of_toolset(source)
            found.extend(tools)
            problems.extend(errors)
        elif isinstance(source, FunctionTool):
            found.append(DeclaredTool(tool=source))
        elif inspect.isfunction(source):
            found.append(DeclaredTool(tool=tool(source)))
        else:
            hint = "`tools` takes functions, instances of Toolset and subclasses of Toolset."
            message = f"{source!r} in `tools` is no tool."
            problems.append(Problem(code=Code.NOT_A_TOOL, message=message, hint=hint))
    return found, problems


def same_names(tools: Iterable[DeclaredTool]) -> list[Problem]:
    """One problem per name that two tools of an agent share."""
    hint = "The LLM tells tools apart by their names: rename one of them, for example by `tool(name=…)`."
    return [
        Problem(code=Code.DUPLICATE_TOOL, message=f"{times} tools are called “{name}”.", hint=hint)
        for name, times in Counter(declared.tool.name for declared in tools).items()
        if times > 1
    ]


def _tools_of_toolset(source: Toolset | type[Toolset]) -> tuple[list[DeclaredTool], list[Problem]]:
    try:
        instance = source() if isinstance(source, type) else source
    except TypeError as error:
        hint = "Put an instance into `tools`."
        message = f"{source!r} in `tools` cannot be made without arguments: {error}."
        return [], [Problem(code=Code.NOT_A_TOOL, message=message, hint=hint)]
    return tools_of_class(type(instance), lambda: instance)


def _concerns(value: Any) -> bool:
    return isinstance(_inner(value), Tool) or HOOK_OF in getattr(value, "__dict__", {})


def _inner(value: Any) -> Any:
    return value.__func__ if isinstance(value, staticmethod | classmethod) else value


def _two_latest(owner: type, name: str) -> tuple[Any, Any]:
    """What the class has under this name, and what that overrides; a plain hook counts as nothing."""
    values = [vars(base)[name] for base in owner.__mro__ if name in vars(base)]
    latest = values[0]
    if not isinstance(_inner(latest), Tool) and not any(isinstance(value, Tool) for value in values):
        replaced = getattr(latest, "__dict__", {}).get(HOOK_OF)
        return (latest, replaced) if replaced is not None and replaced.function.__name__ == name else (None, None)
    return latest, values[1] if len(values) > 1 else None


def _dropped(name: str, latest: AnyTool, overridden: Any) -> list[Problem]:
    """What was declared with the overridden tool and is missing in the one that overrides it."""
    if not isinstance(overridden, Tool):
        return []
    kinds = {hook.kind for hook in overridden.hooks}
    if overridden.options.get("requires_approval"):
        kinds.add(HookKind.NEEDS_APPROVAL)
    declared = {hook.kind for hook in latest.hooks}
    if "requires_approval" in latest.options:
        declared.add(HookKind.NEEDS_APPROVAL)
    if "summary" in latest.options:
        declared.add(HookKind.SUMMARY)
    missing = [kind for kind in HookKind if kind in kinds - declared]
    if not missing:
        return []
    message = f"Tool “{name}” overrides a tool and drops what belongs to it: {', '.join(missing)}."
    hint = "Declare it anew for the overriding tool; `requires_approval=False` says that no person is asked any more."
    return [Problem(code=Code.OVERRIDDEN_TOOL, message=message, hint=hint)]


def _no_tool(name: str, value: Any, overridden: Any) -> Problem:
    if HOOK_OF in getattr(value, "__dict__", {}):
        message = f"The hook “{name}” has the name of its tool, and so takes its place."
        return Problem(code=Code.HOOK, message=message, hint=f"Rename it, for example to “{name}_hook”.")
    if isinstance(_inner(value), Tool):
        message = f"“{name}” is a static method, a class method or made outside of the class."
        return Problem(code=Code.NOT_A_TOOL, message=message, hint="Put `@tool` on a method with `self`.")
    message = f"“{name}” overrides a tool and is none itself."
    return Problem(
        code=Code.OVERRIDDEN_TOOL, message=message, hint=f"Add `@tool`, or write `{name} = None` to drop it."
    )
