"""Where each argument of a call came from: what every door tells of it."""

import json
from typing import Any

from django.utils.translation import gettext as _

from agents_app.core.briefing import Briefing, briefing_from
from agents_app.core.provenance import Origin, Provenance, Quotation, SourceKind, provenance_of, sources_of
from agents_app.definitions.registry import registry, tool_now
from agents_app.definitions.tool_spec import ToolSpec
from agents_app.exceptions import UnknownAgent
from agents_app.models import ApprovalRequest, RunBriefing, ToolCall
from agents_app.selectors.approval_detail import origins_as_dict
from agents_app.selectors.people import may_read_approval, may_view_transcript
from agents_app.selectors.transcript import TranscriptRows, arguments_of, messages_of, read_transcript

Found = dict[str, tuple[Provenance, ...]]
"""By argument, where each value in it came from."""

BY_A_PERSON = (Provenance(path=(), origin=Origin.PERSON),)


def origins_for(viewer: Any, request: ApprovalRequest) -> dict[str, Any] | None:
    """Of the call that a request is about, by argument, as JSON values. None for who may not read its arguments; who
    may not read the transcript gets no quotations. It reads the whole transcript."""
    if not may_read_approval(viewer, request):
        return None
    found = origins_of(request.call, rows_before(request.call))
    words = {name: [words_of(each) for each in origins] for name, origins in found.items()}
    return origins_as_dict(found, words, quote=may_view_transcript(viewer, request.context))


def rows_before(call: ToolCall) -> TranscriptRows:
    """What had been said and done when the LLM proposed this call."""
    rows = read_transcript(call.context)
    rows.turns = [turn for turn in rows.turns if turn.number < call.proposed_by.number]
    return rows


def origins_of(call: ToolCall, rows: TranscriptRows) -> Found:
    """Nothing of sensitive arguments. rows: what had been said and done before."""
    tool = tool_now(call.context.agent, call.tool)
    hidden = frozenset[str]() if tool is None else tool.sensitive
    arguments = _object(arguments_of(call, sensitive=False))
    arguments = {name: value for name, value in arguments.items() if name not in hidden}
    sources = sources_of(messages_of(call.context, rows, sensitive=False), _instructions(call), _briefing(call))
    found = provenance_of(arguments, sources, defaults=_defaults(tool))
    return {**found, **{name: BY_A_PERSON for name in _changed(call) if name in found}}


def words_of(found: Provenance) -> str:
    """One of them in words for people: `from a document (returns.md)`."""
    if found.origin is not Origin.QUOTED:
        return {
            Origin.LLM: _("written by the LLM"),
            Origin.DEFAULT: _("the tool's default"),
            Origin.TRIVIAL: _("chosen by the LLM"),
            Origin.PERSON: _("changed by a person"),
        }[found.origin]
    return _("from %(where)s") % {"where": place_of(found.quotations[0])}


def place_of(quotation: Quotation) -> str:
    """In what it stands."""
    match quotation.source.kind:
        case SourceKind.INPUT:
            return _("what the agent was asked")
        case SourceKind.INSTRUCTIONS:
            return _("the agent's instructions")
        case SourceKind.ANSWER:
            return _("the user's answer to a question")
        case SourceKind.MEMORY:
            return _("memory (%(what)s)") % {"what": quotation.source.name}
        case SourceKind.DOCUMENT:
            return _("a document (%(what)s)") % {"what": quotation.source.name}
        case SourceKind.RESULT:
            return _("the result of %(tool)s") % {"tool": quotation.source.name}


def _briefing(call: ToolCall) -> Briefing | None:
    try:
        if not registry.get(call.context.agent).is_briefed:
            return None
    except UnknownAgent:
        pass  # its runs may have been told something all the same
    row = RunBriefing.objects.filter(pk=call.context_id).first()
    return None if row is None else briefing_from(row.content)


def _instructions(call: ToolCall) -> str:
    try:
        return registry.get(call.context.agent).instructions
    except UnknownAgent:
        return ""


def _defaults(tool: ToolSpec | None) -> dict[str, Any]:
    properties = {} if tool is None else tool.parameters.get("properties", {})
    return {name: schema["default"] for name, schema in properties.items() if "default" in schema}


def _changed(call: ToolCall) -> frozenset[str]:
    """The arguments that a person changed."""
    if not call.edited:
        return frozenset()
    before, now = _object(call.proposed_arguments), _object(call.arguments)
    return frozenset(name for name, value in now.items() if before.get(name) != value)


def _object(text_or_value: Any) -> dict[str, Any]:
    """Of arguments that never fitted the schema, nothing."""
    try:
        value = json.loads(text_or_value) if isinstance(text_or_value, str) else text_or_value
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
