"""Asking memory and knowledge once per run, before its LLM is asked for the first time.

What they say is kept with the run by whoever settles that turn. A worker that comes later reads it there; one that died
before leaves nothing, and the next one asks again.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.apps import apps
from django.utils.module_loading import import_string

from agents_app.core.briefing import (
    KNOWLEDGE_UNAVAILABLE,
    MEMORY_UNAVAILABLE,
    Briefing,
    SourceBriefing,
    Told,
    briefing_from,
    together,
)
from agents_app.core.events import EVENTS, EventType
from agents_app.definitions.briefing import Question
from agents_app.definitions.functions import answer_function_of, functions_of
from agents_app.definitions.knowledge import KNOWLEDGE_APP, Knowledge
from agents_app.definitions.memory import Memory
from agents_app.exceptions import AgentsError, LLMError, StaleContext
from agents_app.memory.briefing import brief as brief_memory
from agents_app.models import AgentContext, RunBriefing
from agents_app.runtime.engines import Abandoned, Engine
from agents_app.runtime.held import Held
from agents_app.runtime.judging import known_context

logger = logging.getLogger("agents_app.runtime")

KNOWLEDGE = f"{KNOWLEDGE_APP}.briefing.brief"

Source = Callable[[Question], SourceBriefing]


class Unbriefed(LLMError):
    """The agent would rather fail than go on without. told: what is recorded of it with the turn that fails."""

    told: tuple[Told, ...] = ()


async def be_briefed(engine: Engine, held: Held) -> None:
    """Let `held` know what its run's LLM is told. Raises Unbriefed where the agent would rather fail."""
    if held.briefing is not None or held.unbriefed:
        return
    stored, question = await engine.database(_look, held)
    if stored is not None:
        held.briefing = stored
        return
    if question.memory is None and not question.knowledge:
        held.unbriefed = True
        return
    found: list[SourceBriefing] = []
    try:
        if question.memory is not None:
            found.append(await _ask_memory(engine, held, question, question.memory))
        await _ask_each(engine, held, question, found)
    except Unbriefed as error:
        # What the others had to tell has happened, too.
        error.told = (*(told for said in found for told in said.told), *error.told)
        raise
    tokens = question.memory.tokens if question.memory is not None and question.memory.conversation else None
    held.briefing, held.briefing_is_new = together(found, tokens), True


def _look(held: Held) -> tuple[Briefing | None, Question]:
    """What was said before, and what there is to ask otherwise."""
    row = RunBriefing.objects.filter(pk=held.run_id).first()
    context, _ = known_context(held)
    return None if row is None else briefing_from(row.content), question_of(context, held)


def question_of(context: AgentContext, held: Held) -> Question:
    """What memory and knowledge are asked for this run; a start may have wanted it without them."""
    definition, details = held.definition, context.details
    functions = functions_of(definition, details.tools_left_out(definition.facts))
    answer = answer_function_of(definition)
    return Question(
        run_id=context.pk,
        agent=definition.name,
        user_id=context.user_id,
        session_id=context.session_id,
        input=details.input,
        memory=None if details.without_memory else definition.memory,
        knowledge=() if details.without_knowledge else definition.knowledge,
        functions=frozenset(each.name for each in (*functions, answer) if each is not None),
    )


async def _ask_memory(engine: Engine, held: Held, question: Question, memory: Memory) -> SourceBriefing:
    try:
        return await _ask(engine, lambda: brief_memory(question), memory.timeout)
    except StaleContext:
        raise
    except Exception as error:
        code = _explain(held, "Memory", error)
        payload = {"what": "briefing", "where": "session" if question.session_id else "user", "error": code}
        told = Told(type=EventType.MEMORY_UPDATED, payload=payload)
        if memory.on_error == "fail":
            raise _unbriefed(f"Memory could not be read ({code}); see the log.", MEMORY_UNAVAILABLE, told) from error
        return SourceBriefing(told=(told,))


async def _ask_each(engine: Engine, held: Held, question: Question, found: list[SourceBriefing]) -> None:
    """Add to `found` what each `Knowledge` says by itself, one after the other: one that fails, or is late, takes
    nothing from the others, and the numbers of the passages run on."""
    first = 1
    for knowledge in question.knowledge:
        one = replace(question, knowledge=(knowledge,), first_passage=first)
        said = await _ask_knowledge(engine, held, one, knowledge)
        found.append(said)
        first += sum(len(section.refs) for section in said.sections)


async def _ask_knowledge(engine: Engine, held: Held, question: Question, knowledge: Knowledge) -> SourceBriefing:
    began = time.monotonic()
    try:
        source = _knowledge_source()
        return await _ask(engine, lambda: source(question), knowledge.timeout)
    except StaleContext:
        raise
    except Exception as error:
        code = _explain(held, "Knowledge", error)
        payload: dict[str, Any] = {
            "query": question.input[:200],
            "seconds": round(time.monotonic() - began, 3),
            "error": code,
        }
        told = Told(type=EventType.RETRIEVAL_COMPLETED, payload=payload)
        if knowledge.on_error == "fail":
            text = f"Knowledge could not be searched ({code}); see the log."
            raise _unbriefed(text, KNOWLEDGE_UNAVAILABLE, told) from error
        return SourceBriefing(told=(told,))


def _unbriefed(text: str, code: str, told: Told) -> Unbriefed:
    error = Unbriefed(text, code=code)
    error.told = (told,)
    return error


async def _ask(engine: Engine, ask: Callable[[], SourceBriefing], seconds: float) -> SourceBriefing:
    async with engine.room():
        said = await engine.call(ask, seconds, lambda: None)
    # What cannot be stored or recorded is this source's failure, not one of the turn that it belongs to.
    together([said])
    for told in said.told:
        EVENTS[told.type].payload(**told.payload)
    return said


def _knowledge_source() -> Source:
    if not apps.is_installed(KNOWLEDGE_APP):
        raise AgentsError(f"The agent has knowledge, and {KNOWLEDGE_APP} is not installed.", code="not_installed")
    source: Source = import_string(KNOWLEDGE)
    return source


def _explain(held: Held, what: str, error: Exception) -> str:
    if isinstance(error, Abandoned):
        logger.warning("%s was not asked to the end: it took too long.", what, extra={"run_id": held.run_id})
        return "timeout"
    logger.error("%s could not be asked.", what, exc_info=error, extra={"run_id": held.run_id})
    return error.code if isinstance(error, AgentsError) else type(error).__name__
