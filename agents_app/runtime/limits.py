"""How many runs may be driven at once: per agent, per user, per session. Said by classes and by settings."""

from agents_app.conf import conf
from agents_app.core.internal import is_internal
from agents_app.definitions.agent_definition import AgentDefinition
from agents_app.definitions.registry import registry
from agents_app.exceptions import UnknownAgent
from agents_app.models import AgentContext
from agents_app.transitions.slots import Limit


def limits_of(context: AgentContext) -> tuple[Limit, ...]:
    """The limits that this run counts under; none for an agent that is not known here."""
    try:
        definition = registry.get(context.agent)
    except UnknownAgent:
        return ()
    limits = []
    if (most := _of_agent(definition)) is not None:
        limits.append(Limit(key=f"agent:{definition.name}", field="agent", most=most))
    counts = conf.MEMORY_COUNTS_FOR_USER or not is_internal(context.agent)
    if counts and context.user_id is not None and (most := conf.MAX_RUNNING_PER_USER) is not None:
        limits.append(Limit(key=f"user:{context.user_id}", field="user_id", most=most))
    if context.session_id is not None and (most := _of_session(definition)) is not None:
        limits.append(Limit(key=f"session:{context.session_id}", field="session_id", most=most))
    return tuple(limits)


def _of_agent(definition: AgentDefinition) -> int | None:
    most: int | None = conf.MAX_RUNNING.get(definition.name, definition.max_running)
    return most


def _of_session(definition: AgentDefinition) -> int | None:
    own = definition.max_running_per_session
    return conf.MAX_RUNNING_PER_SESSION if own is None else own
