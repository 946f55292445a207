"""Where each argument of a call came from: what every door tells of it."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _

from agents_app.core.briefing import Briefing, briefing_from
from agents_app.core.provenance import Origin, Provenance, Quotation, SourceKind, provenance_of, sources_of
from agents_app.definitions.registry import registry, tool_now
from agents_app.definitions.tool_spec import ToolSpec
from agents_app.exceptions import UnknownAgent
from agents_app.models import ApprovalRequest, RunBriefing, ToolCall
from agents_app.selectors.approval_detail import origins_as_dict
from agents_app.selectors.people import may_read_approval, may_view_transcript
from agents_app.selectors.transcript import TranscriptRows, arguments_of, messages_of, read_transcript, read_transcripts

Found = dict[str, tuple[Provenance, ...]]
"""By argument, where each value in it came from."""

AT_ONCE = 50
"""Requests whose transcripts are held in memory together."""

BY_A_PERSON = (Provenance(path=(), origin=Origin.PERSON),)


def origins_for(viewer: Any, request: ApprovalRequest) -> dict[str, Any] | None:
    """Of the call that a request is about, by argument, as JSON values. None for who may not read its arguments; who
    may not read the transcript gets no quotations. It reads the whole transcript."""
    return origins_for_each(viewer, [request])[request.pk]


def origins_for_each(viewer: Any, requests: Sequence[ApprovalRequest]) -> dict[Any, dict[str, Any] | None]:
    """The same of several, by request. The transcripts of AT_ONCE requests are read together."""
    found: dict[Any, dict[str, Any] | None] = {}
    for start in range(0, len(requests), AT_ONCE):
        found |= _for_each(viewer, requests[start : start + AT_ONCE])
    return found


def _for_each(viewer: Any, requests: Sequence[ApprovalRequest]) -> dict[Any, dict[str, Any] | None]:
    readable = [request for request in requests if may_read_approval(viewer, request)]
    for request in readable:
        request.call.context = request.context  # which is read already
    prefetch_related_objects(readable, "context__details", "call__proposed_by")
    rows = read_transcripts({request.context_id for request in readable})
    briefings = _briefings([request.call for request in readable])
    found: dict[Any, dict[str, Any] | None] = {request.pk: None for request in requests}
    for request in readable:
        before = _before(request.call, rows[request.context_id])
        traced = _traced(request.call, before, briefings.get(request.context_id))
        words = {name: [words_of(each) for each in origins] for name, origins in traced.items()}
        quote = may_view_transcript(viewer, request.context)
        found[request.pk] = origins_as_dict(traced, words, quote=quote)
    return found


def rows_before(call: ToolCall) -> TranscriptRows:
    """What had been said and done when the LLM proposed this call."""
    return _before(call, read_transcript(call.context))


def _before(call: ToolCall, rows: TranscriptRows) -> TranscriptRows:
    return replace(rows, turns=[turn for turn in rows.turns if turn.number < call.proposed_by.number])


def origins_of(call: ToolCall, rows: TranscriptRows) -> Found:
    """Nothing of sensitive arguments. rows: what had been said and done before."""
    return _traced(call, rows, _briefings([call]).get(call.context_id))


def _traced(call: ToolCall, rows: TranscriptRows, briefing: Briefing | None) -> Found:
    tool = tool_now(call.context.agent, call.tool)
    hidden = frozenset[str]() if tool is None else tool.sensitive
    arguments = _object(arguments_of(call, sensitive=False))
    arguments = {name: value for name, value in arguments.items() if name not in hidden}
    sources = sources_of(messages_of(call.context, rows, sensitive=False), _instructions(call), briefing)
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


def _briefings(calls: Sequence[ToolCall]) -> dict[Any, Briefing]:
    """By run, what memory and knowledge told it."""
    runs = {call.context_id for call in calls if _may_be_briefed(call.context.agent)}
    rows = RunBriefing.objects.filter(pk__in=runs) if runs else ()
    return {row.pk: briefing_from(row.content) for row in rows}


def _may_be_briefed(agent: str) -> bool:
    try:
        return registry.get(agent).is_briefed
    except UnknownAgent:
        return True  # its runs may have been told something all the same


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
