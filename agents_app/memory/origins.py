"""Where what an LLM wants to remember came from: found again in what the run was told."""

from uuid import UUID

from agents_app.core.briefing import briefing_from
from agents_app.core.memory import MemoryOrigin
from agents_app.core.provenance import Origin, SourceKind, provenance_of, sources_of
from agents_app.models import AgentContext, RunBriefing
from agents_app.selectors.transcript import messages_of, read_transcript

WORDS = 4
"""So many words in a row that stand in a tool's result mark what is remembered as read there."""


def origin_in(run_id: UUID, text: str, before_step: int | None) -> tuple[MemoryOrigin, str]:
    """Of whom a text is that an LLM writes in this run, and of which tool. A text that stands in nothing the run was
    told is the LLM's own. None of these is trusted; people are told which it is."""
    context = AgentContext.objects.select_related("details", "session").get(pk=run_id)
    rows = read_transcript(context)
    if before_step is not None:
        rows.turns = [turn for turn in rows.turns if turn.number < before_step]
    row = RunBriefing.objects.filter(pk=run_id).first()
    briefing = None if row is None else briefing_from(row.content)
    told = sources_of(messages_of(context, rows, sensitive=False), "", briefing)
    sources = [each for each in told if each.kind in UNTRUSTED]
    words = text.split()
    pieces = [text, *(" ".join(words[at : at + WORDS]) for at in range(max(len(words) - WORDS + 1, 0)))]
    found = provenance_of({"text": pieces}, sources)["text"]
    for one in found:
        if one.origin is Origin.QUOTED:
            source = one.quotations[0].source
            return UNTRUSTED[source.kind], source.name[:100]
    return MemoryOrigin.LLM, ""


UNTRUSTED = {SourceKind.RESULT: MemoryOrigin.TOOL, SourceKind.DOCUMENT: MemoryOrigin.DOCUMENT}
