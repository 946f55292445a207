"""From a declared tool to its ToolSpec, or to the list of what is wrong with it."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, TypeAdapter

from agents_app.core.approver_rules import ANYBODY
from agents_app.core.canonical import sha256_of
from agents_app.core.status import Effect
from agents_app.definitions.annotations import is_sensitive, markers_of
from agents_app.definitions.docstrings import description
from agents_app.definitions.hook_rules import effective_hooks, hook_problems
from agents_app.definitions.options import Options, read_options, template_names
from agents_app.definitions.parameters import EMPTY, CallShape, Signature, arguments_type, read_signature
from agents_app.definitions.problems import Code, Problem
from agents_app.definitions.tool_spec import ToolSpec
from agents_app.definitions.tools import Tool, ToolOwner

RESERVED = frozenset({"ask_user", "final_answer"})
"""Names of the built-in tools."""
NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}")


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredTool:
    """A tool as an agent has it: with the class whose method it is and a way to get an instance of it."""

    tool: Tool[..., Any, Any]
    owner: type[ToolOwner] | None = None
    make_owner: Callable[[], ToolOwner] | None = None


def resolve_tool(declared: DeclaredTool) -> tuple[ToolSpec | None, list[Problem]]:
    """The tool's spec; None if there are problems. Problems name the tool."""
    spec, problems = _resolve(declared)
    named = [
        Problem(code=problem.code, message=f"Tool “{declared.tool.name}”: {problem.message}", hint=problem.hint)
        for problem in problems
    ]
    return (None if named else spec), named


def _resolve(declared: DeclaredTool) -> tuple[ToolSpec | None, list[Problem]]:
    tool, owned = declared.tool, declared.owner is not None
    if not inspect.isfunction(tool.function):
        hint = "Put `@tool` on a plain `def` or `async def`; around @staticmethod and the like it cannot work."
        return None, [Problem(code=Code.NOT_A_TOOL, message="It is not made from a function.", hint=hint)]
    if problems := _name_problems(tool):
        return None, problems
    options, problems = read_options(tool.options)
    signature, found = read_signature(tool.function, owned=owned)
    problems += found
    if options is None or signature is None:
        return None, problems
    arguments, schema, found = arguments_type(tool.name, signature.shape, tool.function.__doc__)
    problems += [*found, *_contradictions(tool, options, signature.shape)]
    hooks = effective_hooks(tool.hooks, declared.owner)
    problems += hook_problems(tool.hooks, hooks, options, signature.shape, owned=owned)
    result, found = _result_type(signature)
    problems += found
    if problems or arguments is None or result is None:
        return None, problems
    return _spec(declared, options, signature.shape, arguments, schema, result), []


def _spec(
    declared: DeclaredTool,
    options: Options,
    shape: CallShape,
    arguments: type[BaseModel],
    schema: dict[str, Any],
    result: TypeAdapter[Any],
) -> ToolSpec:
    tool = declared.tool
    return ToolSpec(
        name=tool.name,
        description=description(tool.function.__doc__),
        effect=options.effect,
        timeout=options.timeout,
        retries=options.retries,
        permission=options.permission,
        requires_approval=options.requires_approval,
        isolation=options.isolation,
        is_async=inspect.iscoroutinefunction(tool.function),
        parameters=schema,
        schema_hash=sha256_of({"parameters": schema, "effect": options.effect}),
        sensitive=frozenset(item.name for item in shape.arguments if is_sensitive(item.annotation)),
        markers={item.name: markers for item in shape.arguments if (markers := markers_of(item.annotation))},
        arguments_type=arguments,
        result_type=result,
        shape=shape,
        function=tool.function,
        make_owner=declared.make_owner,
        hooks=effective_hooks(tool.hooks, declared.owner),
        summary_template=options.summary,
        approvers=options.approvers or ANYBODY,
        times=options.times,
        decide_by_link=options.decide_by_link,
        risk=options.risk,
    )


def _name_problems(tool: Tool[..., Any, Any]) -> list[Problem]:
    name: Any = tool.name
    if not isinstance(name, str) or not NAME.fullmatch(name):
        hint = "LLMs accept names of at most 64 letters, digits, hyphens and underscores."
        return [Problem(code=Code.TOOL_NAME, message="Its name cannot be told to an LLM.", hint=hint)]
    if name in RESERVED:
        hint = f"These names belong to built-in tools: {', '.join(sorted(RESERVED))}."
        return [Problem(code=Code.TOOL_NAME, message="Its name is reserved.", hint=hint)]
    return []


def _contradictions(tool: Tool[..., Any, Any], options: Options, shape: CallShape) -> list[Problem]:
    problems = []
    is_async = inspect.iscoroutinefunction(tool.function)
    if options.effect is Effect.ATOMIC and is_async:
        hint = "Write it as `def`: what it writes must be in the transaction of the thread that calls it."
        problems.append(Problem(code=Code.ATOMIC_ASYNC, message="It is `atomic` and `async def`.", hint=hint))
    if options.isolation == "process" and (is_async or options.effect is Effect.ATOMIC):
        message = 'It has isolation="process", and is ' + ("`async def`." if is_async else "`atomic`.")
        hint = "Such a tool runs in the worker itself; leave `isolation` out."
        problems.append(Problem(code=Code.TOOL_OPTION, message=message, hint=hint))
    if options.summary is not None:
        problems.extend(_template_problems(options.summary, {item.name for item in shape.arguments}))
    return problems


def _template_problems(template: str, names: set[str]) -> list[Problem]:
    try:
        unknown = template_names(template) - names
    except ValueError:
        unknown = {template}
    if not unknown:
        return []
    hint = f"In braces stand names of parameters: {', '.join(sorted(names)) or 'there are none'}."
    message = f"Its summary cannot be filled in: {', '.join(sorted(unknown))}."
    return [Problem(code=Code.TOOL_OPTION, message=message, hint=hint)]


def _result_type(signature: Signature) -> tuple[TypeAdapter[Any] | None, list[Problem]]:
    try:
        return TypeAdapter(Any if signature.returns is EMPTY else signature.returns), []
    except Exception:  # types may raise anything when pydantic asks them for their schema
        hint = "Return what pydantic can write as JSON: numbers, texts, dates, lists, BaseModel classes, dataclasses."
        message = "Its return type cannot be written as JSON."
        return None, [Problem(code=Code.RETURN_TYPE, message=message, hint=hint)]
