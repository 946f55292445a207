"""What is wrong with agents and tools, found at start-up: errors of declaration, and of declaration against settings.

`manage.py check` (and with it `migrate`, `runserver` and the queue's worker) refuses to go on with any of them.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.core.checks import CheckMessage, Error, register

from agents_app.conf import conf
from agents_app.core.status import Effect
from agents_app.definitions.agent import Agent
from agents_app.definitions.agent_definition import AgentDefinition
from agents_app.definitions.inspection import inspect_agent
from agents_app.definitions.knowledge import KNOWLEDGE_APP
from agents_app.definitions.problems import Code, Problem
from agents_app.definitions.registry import registry
from agents_app.llm.resolve import known

AnyAgent = type[Agent[Any]]


@register
def check_agents(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Every registered agent. Agents are not tied to one app: `manage.py check <app>` reports them all, too."""
    agents = registry.classes()
    messages: list[CheckMessage] = [_error(problem, agent) for agent in agents for problem in agent_problems(agent)]
    return [*messages, *_shared_names(agents)]


def agent_problems(agent: AnyAgent) -> list[Problem]:
    """What is wrong with one agent, its tools included."""
    inspection = inspect_agent(agent)
    problems = list(inspection.problems)
    if inspection.definition is not None:
        problems.extend(_against_settings(inspection.definition))
    return problems


def _against_settings(definition: AgentDefinition) -> Iterable[Problem]:
    aliases = ", ".join(sorted(conf.LLMS)) or "none"
    hint = f'Name an alias of AGENTS_APP["LLMS"] (there are: {aliases}), "demo", or "provider:name".'
    if definition.llm is not None and not known(definition.llm):
        yield Problem(code=Code.UNKNOWN_LLM, message=f"Its LLM “{definition.llm}” is not known.", hint=hint)
    for name in definition.fallback_llms:
        if not known(name):
            yield Problem(code=Code.UNKNOWN_LLM, message=f"Its fallback LLM “{name}” is not known.", hint=hint)
    if definition.knowledge and not apps.is_installed(KNOWLEDGE_APP):
        hint = f'Add "{KNOWLEDGE_APP}" to INSTALLED_APPS, and migrate.'
        yield Problem(
            code=Code.NO_KNOWLEDGE, message=f"It has `knowledge`, and {KNOWLEDGE_APP} is not installed.", hint=hint
        )
    for tool in definition.tools.values():
        if tool.effect is Effect.ATOMIC and tool.timeout > conf.LEASE_SECONDS / 2:
            message = f"Tool “{tool.name}”: it is atomic, and its timeout of {tool.timeout:g} s is over half the lease."
            hint = f"Declare at most {conf.LEASE_SECONDS / 2:g} s: its transaction must end while the lease lasts."
            yield Problem(code=Code.ATOMIC_TIMEOUT, message=message, hint=hint)
        if tool.sensitive and not conf.ENCRYPTION_KEYS:
            names = ", ".join(sorted(tool.sensitive))
            message = f"Tool “{tool.name}”: sensitive parameters ({names}), and no key to encrypt them with."
            hint = 'Set AGENTS_APP["ENCRYPTION_KEYS"] to a list of keys.'
            yield Problem(code=Code.SENSITIVE_WITHOUT_KEY, message=message, hint=hint)


def _shared_names(agents: Sequence[AnyAgent]) -> list[CheckMessage]:
    owners: dict[str, list[AnyAgent]] = {}
    for agent in agents:
        for name in _names(agent):
            owners.setdefault(name, []).append(agent)
    hint = "Names are stored in rows: each, also a former one, belongs to one agent."
    messages: list[CheckMessage] = []
    for name, sharing in owners.items():
        if len(sharing) > 1:
            paths = " and ".join(_path(agent) for agent in sharing)
            problem = Problem(code=Code.DUPLICATE_AGENT, message=f"“{name}” is the name of {paths}.", hint=hint)
            messages.append(_error(problem, sharing[-1]))
    return messages


def _names(agent: AnyAgent) -> set[str]:
    formerly = agent.formerly if isinstance(agent.formerly, tuple | list) else ()
    return {name for name in (getattr(agent, "name", None), *formerly) if isinstance(name, str)}


def _error(problem: Problem, agent: AnyAgent) -> Error:
    return Error(problem.message, hint=problem.hint, obj=_path(agent), id=problem.code.value)


def _path(agent: AnyAgent) -> str:
    return f"{agent.__module__}.{agent.__qualname__}"
