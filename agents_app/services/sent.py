"""What was sent to an LLM, for those who may read what was said and done in the run."""

from typing import Any

from django.utils.translation import gettext

from agents_app.definitions.agent import Agent
from agents_app.definitions.registry import registry
from agents_app.exceptions import InvalidInput, UnknownAgent
from agents_app.gate.definition_records import facts_of
from agents_app.models import AgentContext
from agents_app.selectors.people import VIEW_TRANSCRIPT, lacking, may_view_sensitive, may_view_transcript
from agents_app.selectors.sent import Code, Sent, sent_in

LARGEST = 2**31 - 1


def read_sent(context: AgentContext, number: Any, *, by: Any) -> Sent:
    """What the LLM was sent in this step of the run. Raises NotPermitted, InvalidInput, and NotFound for a step in
    which no LLM was asked."""
    if not may_view_transcript(by, context):
        raise lacking(VIEW_TRANSCRIPT)
    text = str(number)
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and 0 < int(text) <= LARGEST):
        raise InvalidInput(gettext("The number of a step is a whole number above 0."))
    return sent_in(context, int(text), sensitive=may_view_sensitive(by), code=_code(context.agent))


def _code(agent: str) -> Code | None:
    try:
        definition = registry.get(agent)
    except UnknownAgent:
        return None
    made = definition.cls.get_instructions is not Agent.get_instructions
    return Code(hash=definition.hash, facts=facts_of(definition), own_instructions=made)
