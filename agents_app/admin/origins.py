"""Where each argument of a call came from, in words for people."""

from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from agents_app.admin.blocks import as_json
from agents_app.admin.declared import tool_now
from agents_app.admin.displays import humanized
from agents_app.admin.revealed import revealed
from agents_app.core.provenance import Origin, Provenance, Quotation, SourceKind, provenance_of, sources_of
from agents_app.definitions.registry import registry
from agents_app.exceptions import UnknownAgent
from agents_app.models import ToolCall
from agents_app.selectors.transcript import TranscriptRows, arguments_of, messages_of, read_transcript

LONG_QUOTATION = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Quoted:
    """One quotation. `where`: in what; the rest is HTML, with what is odd made visible."""

    where: str
    before: SafeString
    match: SafeString
    after: SafeString


@dataclass(frozen=True, kw_only=True, slots=True)
class ArgumentOrigin:
    """Where one value came from. `part`: which part of the argument, if it has several. `doubtful`: nobody told it
    to the LLM."""

    part: str
    words: str
    doubtful: bool
    quotations: tuple[Quoted, ...] = ()


def rows_before(call: ToolCall) -> TranscriptRows:
    """What had been said and done when the LLM proposed this call."""
    rows = read_transcript(call.context)
    rows.turns = [turn for turn in rows.turns if turn.number < call.proposed_by.number]
    return rows


def origins_of(
    call: ToolCall, rows: TranscriptRows, *, hidden: frozenset[str], quote: bool
) -> dict[str, list[ArgumentOrigin]]:
    """By argument. hidden: arguments that this person may not see. quote: whether they may read the transcript."""
    arguments = _object(arguments_of(call, sensitive=False))
    arguments = {name: value for name, value in arguments.items() if name not in hidden}
    sources = sources_of(messages_of(call.context, rows, sensitive=False), _instructions(call))
    found = provenance_of(arguments, sources, defaults=_defaults(call))
    changed = _changed(call)
    return {
        name: [_by_a_person()] if name in changed else [_in_words(one, quote=quote) for one in origins]
        for name, origins in found.items()
    }


def _instructions(call: ToolCall) -> str:
    try:
        return registry.get(call.context.agent).instructions
    except UnknownAgent:
        return ""


def _defaults(call: ToolCall) -> dict[str, Any]:
    tool = tool_now(call.context.agent, call.tool)
    properties = {} if tool is None else tool.parameters.get("properties", {})
    return {name: schema["default"] for name, schema in properties.items() if "default" in schema}


def _object(text_or_value: Any) -> dict[str, Any]:
    value = as_json(text_or_value) if isinstance(text_or_value, str) else text_or_value
    return value if isinstance(value, dict) else {}


def _changed(call: ToolCall) -> frozenset[str]:
    """The arguments that a person changed."""
    if not call.edited:
        return frozenset()
    before, now = _object(call.proposed_arguments), _object(call.arguments)
    return frozenset(name for name, value in now.items() if before.get(name) != value)


def _by_a_person() -> ArgumentOrigin:
    return ArgumentOrigin(part="", words=_("changed by a person"), doubtful=False)


def _in_words(found: Provenance, *, quote: bool) -> ArgumentOrigin:
    part = " ".join(humanized(name) for name in found.path)
    if found.origin is not Origin.QUOTED:
        words = {
            Origin.LLM: _("written by the LLM"),
            Origin.DEFAULT: _("the tool's default"),
            Origin.TRIVIAL: _("chosen by the LLM"),
        }[found.origin]
        return ArgumentOrigin(part=part, words=words, doubtful=found.origin is Origin.LLM)
    first = _where(found.quotations[0])
    quotations = tuple(_quoted(quotation) for quotation in found.quotations) if quote else ()
    return ArgumentOrigin(
        part=part, words=_("from %(where)s") % {"where": first}, doubtful=False, quotations=quotations
    )


def _where(quotation: Quotation) -> str:
    match quotation.source.kind:
        case SourceKind.INPUT:
            return _("what the agent was asked")
        case SourceKind.INSTRUCTIONS:
            return _("the agent's instructions")
        case SourceKind.ANSWER:
            return _("the user's answer to a question")
        case SourceKind.RESULT:
            return _("the result of %(tool)s") % {"tool": quotation.source.name}


def _quoted(quotation: Quotation) -> Quoted:
    where = _where(quotation)
    if quotation.path:
        where = f"{where}, {quotation.path}"
    match = quotation.match
    if len(match) > LONG_QUOTATION:
        match = match[:LONG_QUOTATION] + "…"
    return Quoted(
        where=where,
        before=revealed(_one_line(quotation.before).lstrip()),
        match=revealed(match),
        after=revealed(_one_line(quotation.after).rstrip()),
    )


def _one_line(text: str) -> str:
    return " ".join(text.split("\n"))
