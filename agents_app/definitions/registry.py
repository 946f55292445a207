"""Which agents there are, by name, and which LLM tests put in an agent's place."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.utils.translation import gettext

from agents_app.definitions.agent import Agent
from agents_app.definitions.agent_definition import AgentDefinition
from agents_app.definitions.inspection import inspect_agent
from agents_app.definitions.tool_spec import ToolSpec
from agents_app.exceptions import BrokenAgent, UnknownAgent

AnyAgent = type[Agent[Any]]
AgentClass = TypeVar("AgentClass", bound=AnyAgent)
Llm = TypeVar("Llm")


class Registry:
    """The registered classes, in the order of registration. Two of one name are kept, for the checks to report."""

    def __init__(self) -> None:
        self._agents: list[AnyAgent] = []
        self._internal: list[AnyAgent] = []

    def add_internal(self, agent: AnyAgent) -> None:
        """Remember a class of our own: `get` finds it, and no list names it."""
        self._internal.append(agent)

    def add(self, agent: AnyAgent) -> None:
        """Remember a class; a module that is loaded anew replaces its own."""
        places = [_place(known) for known in self._agents]
        if _place(agent) in places:
            self._agents[places.index(_place(agent))] = agent
        else:
            self._agents.append(agent)

    def classes(self) -> list[AnyAgent]:
        """Every registered class, also those with errors."""
        return list(self._agents)

    def all(self) -> list[AgentDefinition]:
        """The definitions of all agents without errors, by name."""
        found = [inspect_agent(agent).definition for agent in self._agents if self._is_alone(agent)]
        return sorted((definition for definition in found if definition), key=lambda definition: definition.name)

    def get(self, name: str) -> AgentDefinition:
        """The agent of this name, or that had it formerly.

        Raises UnknownAgent, and BrokenAgent for one whose declaration has errors or whose name two agents have.
        """
        found = self._called(name) or [agent for agent in self._agents if name in _formerly(agent)]
        found = found or [agent for agent in self._internal if agent.name == name]
        if not found:
            names = ", ".join(sorted(definition.name for definition in self.all())) or gettext("none")
            text = gettext("No agent is called “%(name)s”. Registered: %(names)s.")
            raise UnknownAgent(text % {"name": name, "names": names})
        if len(found) > 1:
            text = gettext("%(count)s agents are called “%(name)s”; `manage.py check` says which.")
            raise BrokenAgent(text % {"count": len(found), "name": name})
        return _definition(found[0])

    @contextmanager
    def override(self, *agents: AnyAgent) -> Iterator[None]:
        """For tests: inside, exactly these agents are registered."""
        before, self._agents = self._agents, list(agents)
        try:
            yield
        finally:
            self._agents = before

    def _called(self, name: str) -> list[AnyAgent]:
        return [agent for agent in self._agents if getattr(agent, "name", None) == name]

    def _is_alone(self, agent: AnyAgent) -> bool:
        return len(self._called(getattr(agent, "name", ""))) == 1


registry = Registry()
_llm_overrides: dict[str, list[object]] = {}


def register(agent: AgentClass) -> AgentClass:
    """Class decorator: `@register class SupportAgent(Agent[Reply])`."""
    if not (isinstance(agent, type) and issubclass(agent, Agent)):
        raise TypeError(f"@register is for subclasses of Agent, not for {agent!r}.")
    registry.add(agent)
    return agent


def register_internal(agent: AgentClass) -> AgentClass:
    """Class decorator for agents that do this app's own work: people do not choose them."""
    registry.add_internal(agent)
    return agent


def definition_of(agent: AnyAgent | str) -> AgentDefinition:
    """The definition of a class (registered or not) or of a registered name. Raises UnknownAgent and BrokenAgent."""
    return registry.get(agent) if isinstance(agent, str) else _definition(agent)


def tool_now(agent: str, tool: str) -> ToolSpec | None:
    """The tool of this agent as the code declares it now; None if it, or the agent, is gone. Raises BrokenAgent."""
    try:
        return registry.get(agent).tools.get(tool)
    except UnknownAgent:
        return None


@contextmanager
def override_llm(agent: AnyAgent | str, llm: Llm) -> Iterator[Llm]:
    """For tests: inside, runs of this agent in this process use `llm`, an object of `agents_app.llm.base.LLM`."""
    stack = _llm_overrides.setdefault(definition_of(agent).name, [])
    stack.append(llm)
    try:
        yield llm
    finally:
        stack.remove(llm)


def llm_override_for(name: str) -> object | None:
    """The LLM that `override_llm` put in place for the agent of this name, else None."""
    stack = _llm_overrides.get(name)
    return stack[-1] if stack else None


def _definition(agent: AnyAgent) -> AgentDefinition:
    inspection = inspect_agent(agent)
    if inspection.definition is None:
        first = inspection.problems[0]
        text = gettext("%(name)s has errors; the first: %(why)s")
        raise BrokenAgent(text % {"name": agent.__qualname__, "why": f"{first.message} {first.hint}"})
    return inspection.definition


def _place(agent: AnyAgent) -> tuple[str, str, object]:
    return agent.__module__, agent.__qualname__, getattr(agent, "name", None)


def _formerly(agent: AnyAgent) -> tuple[str, ...]:
    names = agent.formerly
    return tuple(names) if isinstance(names, tuple | list) else ()
