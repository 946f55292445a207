"""What the LLM is asked: made from the run's rows, which within a slice are not read again."""

from functools import lru_cache

from agents_app.core.transcript import FunctionSpec, LLMRequest
from agents_app.definitions.agent import Agent
from agents_app.definitions.agent_definition import AgentDefinition
from agents_app.gate.contexts import tool_context_of
from agents_app.models import AgentContext
from agents_app.runtime.held import Held
from agents_app.runtime.judging import known_context
from agents_app.runtime.replies import ASK_USER_FUNCTION, FINAL_ANSWER
from agents_app.selectors.transcript import TranscriptRows, messages_of, read_transcript


def needs_database(held: Held) -> bool:
    """Whether `build_request` has something to read, or runs code of the author's that may."""
    known = held.transcript() is not None or _nothing_said(held)
    return not known or _asks_author(held.definition)


def build_request(held: Held, llm: str) -> LLMRequest:
    """The next turn's request to this LLM."""
    definition = held.definition
    context, _ = known_context(held)
    instructions = definition.instructions
    if _asks_author(definition):
        instructions = definition.cls().get_instructions(tool_context_of(context))
    return LLMRequest(
        llm=llm,
        instructions=instructions,
        messages=messages_of(context, _rows(held, context)),
        functions=_functions(definition),
        answer=_answer_function(definition),
        temperature=definition.temperature,
        timeout=definition.llm_timeout,
        max_tokens=definition.max_tokens,
    )


def _asks_author(definition: AgentDefinition) -> bool:
    return definition.cls.get_instructions is not Agent.get_instructions


def _rows(held: Held, context: AgentContext) -> TranscriptRows:
    known = held.transcript()
    if known is None:
        known = TranscriptRows() if _nothing_said(held) else read_transcript(context)
        held.remember(known)
    return known


def _nothing_said(held: Held) -> bool:
    """Whether this is the run's first step."""
    think = held.rows.think if held.rows is not None else None
    return think is not None and think.number == 1


@lru_cache(maxsize=1000)
def _functions(definition: AgentDefinition) -> tuple[FunctionSpec, ...]:
    functions = [
        FunctionSpec(name=tool.name, description=tool.description, parameters=tool.parameters)
        for tool in definition.tools.values()
    ]
    return (*functions, ASK_USER_FUNCTION) if definition.asks_user else tuple(functions)


def _answer_function(definition: AgentDefinition) -> FunctionSpec | None:
    if definition.answer_schema is None:
        return None
    description = "Give the final answer. Call it alone, once everything else is settled."
    return FunctionSpec(name=FINAL_ANSWER, description=description, parameters=definition.answer_schema)
