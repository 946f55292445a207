"""What the LLM is asked: made from the run's rows, which within a slice are not read again."""

from agents_app.core.briefing import manifest
from agents_app.core.canonical import clean_text
from agents_app.core.transcript import LLMRequest, Message
from agents_app.definitions.agent import Agent
from agents_app.definitions.agent_definition import AgentDefinition
from agents_app.definitions.functions import answer_function_of, functions_of
from agents_app.gate.contexts import tool_context_of
from agents_app.models import AgentContext
from agents_app.runtime.held import Held
from agents_app.runtime.judging import known_context
from agents_app.selectors.transcript import TranscriptRows, messages_of, read_transcript


def needs_database(held: Held) -> bool:
    """Whether `build_request` has something to read, or runs code of the author's that may."""
    known = held.transcript() is not None or _nothing_said(held)
    return not known or _asks_author(held.definition) or held.briefing is not None


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
        messages=_messages(held, messages_of(context, _rows(held, context)), instructions),
        functions=functions_of(definition, context.details.tools_left_out(definition.facts)),
        answer=answer_function_of(definition),
        temperature=definition.temperature,
        timeout=definition.llm_timeout,
        max_tokens=definition.max_tokens,
    )


def _messages(held: Held, own: tuple[Message, ...], instructions: str) -> tuple[Message, ...]:
    """The run's own messages, with what memory and knowledge had to say; what the step keeps of it is noted."""
    briefing = held.briefing
    if briefing is None:
        return own
    cut = briefing.cut(own)
    messages = briefing.messages(own, cut)
    held.sent = {**manifest(briefing, own, cut, messages), "definition": held.definition.hash}
    if _asks_author(held.definition):
        held.sent["instructions"] = clean_text(instructions)[0]
    return messages


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
