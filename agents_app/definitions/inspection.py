"""From an agent's class to its definition, or to the list of what is wrong with it."""

import inspect
import re
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from agents_app.core.approver_rules import ANYBODY
from agents_app.core.budgets import Budget
from agents_app.core.canonical import canonical_text, clean_text, sha256_of
from agents_app.core.priority import Priority
from agents_app.definitions.agent import Agent
from agents_app.definitions.agent_definition import AgentDefinition, Inspection
from agents_app.definitions.answers import AnswerType, answer_of, answer_type
from agents_app.definitions.code_change import POLICIES, migrations_of
from agents_app.definitions.collect import same_names, tools_of_class, tools_of_sources
from agents_app.definitions.knowledge import Knowledge
from agents_app.definitions.memory import Memory
from agents_app.definitions.options import is_count, is_duration
from agents_app.definitions.problems import Code, Problem, first_line
from agents_app.definitions.resolve import resolve_tool
from agents_app.definitions.rules import rule_facts, rules_of, with_rules
from agents_app.definitions.tool_spec import ToolSpec

AGENT_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,99}")
KNOWLEDGE_TOOLS_MODULE = "agents_app.knowledge.tools"
MEMORY_TOOLS_MODULE = "agents_app.memory.tools"

_inspections: dict[type[Agent[Any]], Inspection] = {}


def inspect_agent(agent: type[Agent[Any]]) -> Inspection:
    """The definition of a class, or its problems; found once. Never raises for a mistake of the author."""
    if agent not in _inspections:
        _inspections[agent] = _inspect(agent)
    return _inspections[agent]


def _inspect(agent: type[Agent[Any]]) -> Inspection:
    if vars(agent).get("abstract"):
        hint = "Take `@register` off the base class, or `abstract = True` away."
        problem = Problem(code=Code.ABSTRACT_AGENT, message="It is abstract, and cannot run.", hint=hint)
        return Inspection(definition=None, problems=(problem,))
    problems = [*_name_problems(agent), *_option_problems(agent)]
    tools, found = _tools(agent)
    problems += found
    rules, found = rules_of(agent.policy, tools)
    problems += found
    answer, found = _answer(agent)
    problems += [*found, *migrations_of(agent)[1]]
    if problems or answer is None:
        return Inspection(definition=None, problems=tuple(problems))
    return Inspection(definition=_definition(agent, with_rules(tools, rules), answer), problems=())


def _definition(agent: type[Agent[Any]], tools: Mapping[str, ToolSpec], answer: AnswerType) -> AgentDefinition:
    facts: dict[str, Any] = {
        "name": agent.name,
        "version": agent.version,
        "llm": agent.llm,
        "instructions": inspect.cleandoc(agent.instructions),
        "temperature": agent.temperature,
        "llm_timeout": float(agent.llm_timeout),
        "max_steps": agent.max_steps,
        "timeout": agent.timeout,
        "asks_user": agent.ask_user,
        "metadata": dict(agent.metadata),
    }
    parts: dict[str, Any] = {"answer": answer.schema, "tools": {name: _facts(spec) for name, spec in tools.items()}}
    # Left out, so that agents without keep the hash that is stored with their runs.
    if agent.fallback_llms:
        parts["fallback_llms"] = list(agent.fallback_llms)
    if agent.max_tokens is not None:
        parts["max_tokens"] = agent.max_tokens
    if agent.policy:
        parts["policy"] = rule_facts(agent.policy)
    if agent.memory is not None:
        parts["memory"] = agent.memory.as_json()
    if _knowledge(agent):
        parts["knowledge"] = [each.as_json() for each in _knowledge(agent)]
    whole = {**facts, **parts}
    return AgentDefinition(
        **facts,
        fallback_llms=tuple(agent.fallback_llms),
        description=inspect.cleandoc(agent.__doc__ or ""),
        cls=agent,
        formerly=tuple(agent.formerly),
        tools=tools,
        answer=answer,
        max_tokens=agent.max_tokens,
        budget=agent.budget,
        hash=sha256_of(whole),
        facts=whole,
        # Not a part of the hash: what becomes of changed code is no change of what the agent does.
        on_code_change=agent.on_code_change,
        migrations=migrations_of(agent)[0],
        priority=Priority(agent.priority),
        max_running=agent.max_running,
        max_running_per_session=agent.max_running_per_session,
        memory=agent.memory,
        knowledge=_knowledge(agent),
    )


def _knowledge(agent: type[Agent[Any]]) -> tuple[Knowledge, ...]:
    given = agent.knowledge
    if given is None:
        return ()
    return (given,) if isinstance(given, Knowledge) else tuple(given)


def _facts(spec: ToolSpec) -> dict[str, Any]:
    # Left out where nothing is said, so that agents without keep the hash that is stored with their runs.
    said = {} if spec.approvers == ANYBODY else {"approvers": spec.approvers.as_json()}
    return {
        **said,
        "description": spec.description,
        "schema": spec.schema_hash,
        "timeout": spec.timeout,
        "retries": spec.retries,
        "permission": spec.permission,
        "requires_approval": spec.requires_approval,
        "isolation": spec.isolation,
        "sensitive": sorted(spec.sensitive),
        "hooks": sorted(spec.hooks),
        "summary": spec.summary_template,
    }


def _tools(agent: type[Agent[Any]]) -> tuple[dict[str, ToolSpec], list[Problem]]:
    methods, problems = tools_of_class(agent, agent)
    sources: Any = agent.tools
    if not isinstance(sources, list | tuple):
        hint = "Write `tools = [function, toolset]`."
        return {}, [*problems, Problem(code=Code.AGENT_OPTION, message="`tools` is no list.", hint=hint)]
    others, found = tools_of_sources([*sources, *_memory_tools(agent.memory), *_knowledge_tools(agent.knowledge)])
    problems += [*found, *same_names([*methods, *others])]
    tools: dict[str, ToolSpec] = {}
    for declared in [*methods, *others]:
        spec, found = resolve_tool(declared)
        problems += found
        if spec is not None:
            tools[spec.name] = spec
    return tools, problems


def _answer(agent: type[Agent[Any]]) -> tuple[AnswerType | None, list[Problem]]:
    try:
        return answer_type(answer_of(agent)), []
    except Exception as error:  # types may raise anything when pydantic asks them for their schema
        message = f"Its answer type has no JSON schema: {first_line(error)}"
        hint = "Use str, a BaseModel class, or another type that pydantic can read from JSON."
        return None, [Problem(code=Code.ANSWER_TYPE, message=message, hint=hint)]


def _name_problems(agent: type[Agent[Any]]) -> list[Problem]:
    name = getattr(agent, "name", None)
    if isinstance(name, str) and AGENT_NAME.fullmatch(name):
        return []
    message = "It has no `name`." if name is None else f"Its name {name!r} cannot be used."
    hint = 'Write `name = "support"`: at most 100 letters, digits, dots, hyphens and underscores. It is stored in rows.'
    return [Problem(code=Code.AGENT_NAME, message=message, hint=hint)]


def _option_problems(agent: type[Agent[Any]]) -> list[Problem]:
    steps = agent.max_steps
    rules: dict[str, tuple[bool, str]] = {
        "formerly": (_is_names(agent.formerly), "is a tuple of earlier names"),
        "version": (isinstance(agent.version, str) and 0 < len(agent.version) <= 50, "is a text of 1 to 50 characters"),
        "on_code_change": (agent.on_code_change in POLICIES, 'is "continue", "ask" or "fail"'),
        "llm": (agent.llm is None or (isinstance(agent.llm, str) and bool(agent.llm)), "is a name of an LLM, or None"),
        "fallback_llms": (_is_names(agent.fallback_llms), "is a tuple of names of LLMs"),
        "instructions": (
            _is_text(agent.instructions),
            "is a text; to make it per run, override get_instructions",
        ),
        "temperature": (agent.temperature is None or _is_temperature(agent.temperature), "is from 0 to 2, or None"),
        "llm_timeout": (is_duration(agent.llm_timeout), "is a number of seconds above 0"),
        "max_steps": (steps is not None and is_limit(steps), "is a whole number above 0"),
        "timeout": (agent.timeout is None or is_duration(agent.timeout), "is a number of seconds above 0, or None"),
        "max_tokens": (
            agent.max_tokens is None or (is_count(agent.max_tokens) and agent.max_tokens > 0),
            "is a whole number above 0, or None",
        ),
        "budget": (agent.budget is None or _is_budget(agent.budget), _budget_hint(agent.budget)),
        "priority": (agent.priority in list(Priority), 'is "high", "normal" or "low"'),
        "max_running": (is_limit(agent.max_running), "is a whole number above 0, or None"),
        "max_running_per_session": (is_limit(agent.max_running_per_session), "is a whole number above 0, or None"),
        "ask_user": (isinstance(agent.ask_user, bool), "is True or False"),
        "memory": (
            not _memory_problems(agent.memory),
            f"is None or Memory(…): {' '.join(_memory_problems(agent.memory))}",
        ),
        "knowledge": (
            not _knowledge_problems(agent.knowledge),
            f"is None, or one or several Knowledge(…): {' '.join(_knowledge_problems(agent.knowledge))}",
        ),
        "metadata": (_is_metadata(agent.metadata), "is a dictionary of JSON values"),
        "get_instructions": (_is_plain_method(agent), "is a plain `def` that takes a context"),
        "__init__": (_can_be_made(agent), "takes no arguments: every call has a new instance"),
    }
    return [
        Problem(code=Code.AGENT_OPTION, message=f"`{name}` is not valid.", hint=f"`{name}` {meaning}.")
        for name, (right, meaning) in rules.items()
        if not right
    ]


def _is_budget(value: Any) -> bool:
    return isinstance(value, Budget) and not value.problems()


def _budget_hint(value: Any) -> str:
    if isinstance(value, Budget):
        return f"is not right: {' '.join(value.problems())}"
    return 'is None or a Budget: Budget(tokens=200_000, money="2.50 USD")'


def _memory_tools(memory: Any) -> list[Any]:
    """The tools that its memory brings. They know the models, which declarations do not."""
    if not isinstance(memory, Memory) or memory.problems() or not memory.tool_names:
        return []
    schema = memory.working if isinstance(memory.working, type) else None
    return [import_module(MEMORY_TOOLS_MODULE).toolset(memory.tool_names, schema)]


def _knowledge_tools(value: Any) -> list[Any]:
    """The tool that its knowledge brings."""
    if _knowledge_problems(value):
        return []
    given = () if value is None else (value,) if isinstance(value, Knowledge) else value
    searched = [each for each in given if each.mode in ("tool", "both")]
    return [import_module(KNOWLEDGE_TOOLS_MODULE).toolset(searched)] if searched else []


def _memory_problems(value: Any) -> list[str]:
    if value is None:
        return []
    return value.problems() if isinstance(value, Memory) else ["write `memory = Memory(conversation=True)`."]


def _knowledge_problems(value: Any) -> list[str]:
    given = () if value is None else (value,) if isinstance(value, Knowledge) else value
    if not isinstance(given, tuple | list) or not all(isinstance(each, Knowledge) for each in given):
        return ['write `knowledge = Knowledge("handbook")`.']
    return [problem for each in given for problem in each.problems()]


def is_limit(value: Any) -> bool:
    """Whether this is a whole number above 0, or None for no limit."""
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and not clean_text(value)[1]


def _is_names(value: Any) -> bool:
    return isinstance(value, tuple | list) and all(isinstance(name, str) and name for name in value)


def _is_temperature(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 2


def _is_metadata(value: Any) -> bool:
    try:
        return isinstance(value, Mapping) and bool(canonical_text(value))
    except (ValueError, TypeError, RecursionError):
        return False


def _is_plain_method(agent: type[Agent[Any]]) -> bool:
    method = inspect.getattr_static(agent, "get_instructions")
    return inspect.isfunction(method) and not inspect.iscoroutinefunction(method)


def _can_be_made(agent: type[Agent[Any]]) -> bool:
    try:
        inspect.signature(agent).bind()
    except TypeError:
        return False
    return True
