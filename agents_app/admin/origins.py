"""Where each argument of a call came from, as the request's page shows it."""

from dataclasses import dataclass

from django.utils.safestring import SafeString

from agents_app.admin.revealed import revealed
from agents_app.core.labels import humanized
from agents_app.core.provenance import Origin, Provenance, Quotation
from agents_app.models import ToolCall
from agents_app.selectors.transcript import TranscriptRows
from agents_app.services.argument_origins import origins_of, place_of, words_of

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
    to the LLM. `untrusted`, `unchecked`: see `Provenance`."""

    part: str
    words: str
    doubtful: bool
    quotations: tuple[Quoted, ...] = ()
    untrusted: bool = False
    unchecked: bool = False


def shown_origins(call: ToolCall, rows: TranscriptRows, *, quote: bool) -> dict[str, list[ArgumentOrigin]]:
    """By argument. rows: what had been said before. quote: whether this person may read the transcript."""
    found = origins_of(call, rows)
    return {name: [_shown(one, quote=quote) for one in origins] for name, origins in found.items()}


def _shown(found: Provenance, *, quote: bool) -> ArgumentOrigin:
    return ArgumentOrigin(
        part=" ".join(humanized(name) for name in found.path),
        words=words_of(found),
        doubtful=found.origin is Origin.LLM,
        quotations=tuple(_quoted(quotation) for quotation in found.quotations) if quote else (),
        untrusted=found.untrusted,
        unchecked=found.unchecked,
    )


def _quoted(quotation: Quotation) -> Quoted:
    where = place_of(quotation)
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
