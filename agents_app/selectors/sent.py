"""What the LLM was sent in a step, built once more from the rows: nothing is stored twice for it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext

from agents_app.core.briefing import UNAVAILABLE, Briefing, briefing_from, rebuilt
from agents_app.core.fitting import cut_from
from agents_app.core.functions import ASK_USER_FUNCTION, answer_function
from agents_app.core.status import StepKind
from agents_app.core.transcript import FunctionSpec, LLMRequest, Message
from agents_app.exceptions import NotFound
from agents_app.models import AgentContext, AgentStep, DefinitionRecord, RunBriefing
from agents_app.selectors.transcript import TranscriptRows, messages_of, read_transcript


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """The request of a step's last attempt.

    exact: True if it is surely what was sent; False if what it is built from has changed since (it was erased, or an
    outcome settled); None if the step kept nothing to tell by. left_out, shortened: messages that were, to fit.
    instructions_known: False if the agent's code made them for this run, and nobody kept them.
    """

    run_id: UUID
    number: int
    attempt: int
    request: LLMRequest
    exact: bool | None
    left_out: int
    shortened: int
    instructions_known: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """The agent as this process knows it: the hash of its definition, what a record of it would say, and whether its
    code makes the instructions anew for each run."""

    hash: str
    facts: Mapping[str, Any]
    own_instructions: bool


def sent_in(context: AgentContext, number: int, *, sensitive: bool, code: Code | None = None) -> Sent:
    """What was sent in this step of the run. Raises NotFound for a step in which no LLM was asked.

    sensitive: with sensitive arguments opened, as they were sent. code: of the run's agent, if it is known here.
    """
    step = AgentStep.objects.filter(context=context, number=number, kind=StepKind.THINK).first()
    if step is None or step.error_code in UNAVAILABLE:
        raise NotFound(gettext("In step %(number)s of this run no LLM was asked.") % {"number": number})
    kept, rows = step.sent or {}, _before(context, number)
    messages, exact = _messages(context, rows, kept, sensitive)
    cut = cut_from(kept)
    facts = _facts(kept.get("definition") or context.details.definition_hash, code)
    known = "instructions" in kept or (bool(facts) and not (code is not None and code.own_instructions))
    request = LLMRequest(
        llm=step.llm,
        instructions=kept.get("instructions", facts.get("instructions", "")) if known else "",
        messages=messages,
        functions=_functions(facts, context),
        answer=answer_function(facts.get("answer")),
        temperature=facts.get("temperature"),
        timeout=facts.get("llm_timeout", 60.0),
        max_tokens=facts.get("max_tokens"),
    )
    return Sent(
        run_id=context.pk,
        number=number,
        attempt=step.attempt,
        request=request,
        exact=exact,
        left_out=sum(end - first for first, end in cut.dropped),
        shortened=len(cut.short),
        instructions_known=known,
    )


def _facts(wanted: str, code: Code | None) -> Mapping[str, Any]:
    """What the code was that made the request; empty if nobody wrote it down."""
    if code is not None and code.hash == wanted:
        return code.facts
    found: dict[str, Any] | None = DefinitionRecord.objects.filter(pk=wanted).values_list("facts", flat=True).first()
    return found or {}


def _before(context: AgentContext, number: int) -> TranscriptRows:
    rows = read_transcript(context)
    return replace(rows, turns=[turn for turn in rows.turns if turn.number < number])


def _messages(
    context: AgentContext, rows: TranscriptRows, kept: dict[str, Any], sensitive: bool
) -> tuple[tuple[Message, ...], bool | None]:
    row = RunBriefing.objects.filter(pk=context.pk).first() if kept else None
    briefing = Briefing() if row is None else briefing_from(row.content)
    try:
        opened = messages_of(context, rows)
    except ImproperlyConfigured:  # no key opens what is hidden in it any more
        return rebuilt(briefing, messages_of(context, rows, sensitive=False), kept)[0], None
    messages, same = rebuilt(briefing, opened, kept)
    if not sensitive:
        messages = rebuilt(briefing, messages_of(context, rows, sensitive=False), kept)[0]
    return messages, same if kept else None


def _functions(facts: Mapping[str, Any], context: AgentContext) -> tuple[FunctionSpec, ...]:
    without = context.details.tools_left_out(facts)
    tools, parameters = facts.get("tools", {}), facts.get("parameters", {})
    functions = tuple(
        FunctionSpec(name=name, description=tool["description"], parameters=parameters.get(name, {}))
        for name, tool in tools.items()
        if name not in without
    )
    return (*functions, ASK_USER_FUNCTION) if facts.get("asks_user") else functions
