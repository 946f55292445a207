"""The functions that an agent's LLM may call: its tools, `ask_user` and `final_answer`."""

from functools import lru_cache

from agents_app.core.functions import ASK_USER_FUNCTION, answer_function
from agents_app.core.transcript import FunctionSpec
from agents_app.definitions.agent_definition import AgentDefinition


@lru_cache(maxsize=1000)
def functions_of(definition: AgentDefinition, without: frozenset[str] = frozenset()) -> tuple[FunctionSpec, ...]:
    """Its tools but for these, and the question to the user if it may ask one."""
    functions = [
        FunctionSpec(name=tool.name, description=tool.description, parameters=tool.parameters)
        for tool in definition.tools.values()
        if tool.name not in without
    ]
    return (*functions, ASK_USER_FUNCTION) if definition.asks_user else tuple(functions)


def answer_function_of(definition: AgentDefinition) -> FunctionSpec | None:
    """How its answer is given; None where that is plain text."""
    return answer_function(definition.answer_schema)
