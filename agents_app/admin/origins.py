"""Where each argument of a call came from, as the request's page shows it."""

from dataclasses import dataclass, replace
from typing import Any

from django.utils.safestring import SafeString

from agents_app.admin.blocks import label_of
from agents_app.admin.revealed import revealed
from agents_app.core.provenance import Origin, Provenance, Quotation
from agents_app.models import ToolCall
from agents_app.selectors.transcript import TranscriptRows, arguments_of
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
    arguments = arguments_of(call, sensitive=False)
    values = arguments if isinstance(arguments, dict) else {}
    return {
        name: _together([_shown(one, values.get(name), quote=quote) for one in origins])
        for name, origins in origins_of(call, rows).items()
    }


def _together(shown: list[ArgumentOrigin]) -> list[ArgumentOrigin]:
    """Parts of which the same is to be said, in one line; of the whole value, if that is so of all its parts."""
    said: dict[ArgumentOrigin, list[str]] = {}
    for each in shown:
        said.setdefault(each if each.quotations else replace(each, part=""), []).append(each.part)
    if len(said) == 1 and len(shown) > 1:
        return list(said)
    return [replace(each, part=", ".join(filter(None, parts))) for each, parts in said.items()]


def _part(value: Any, path: tuple[str, ...]) -> str:
    """The place of a part, as `1 › Unit price`: people count from 1."""
    names: list[str] = []
    for step in path:
        if isinstance(value, list):
            names.append(str(int(step) + 1))
            value = value[int(step)]
        else:
            names.append(step)
            value = value.get(step) if isinstance(value, dict) else None
    return label_of(tuple(names))


def _shown(found: Provenance, value: Any, *, quote: bool) -> ArgumentOrigin:
    return ArgumentOrigin(
        part=_part(value, found.path),
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
