"""One approval request in full: with the schema of its arguments, and where each of them came from."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from agents_app.core.provenance import Origin, Provenance, Quotation, SourceKind
from agents_app.core.status import ApprovalStatus
from agents_app.models import ApprovalRequest
from agents_app.selectors.approvers import nobody_because
from agents_app.selectors.presentation import JSONObject, approval_as_dict
from agents_app.selectors.shapes import ApprovalShape, Shape


class QuotationShape(Shape):
    """Where a value stands: `match` as it was written there, with some of the text around it."""

    source: SourceKind
    name: str = Field(description="Of the document, of the tool whose result it is, or of what memory told.")
    path: str = Field(description="Its place in a result that is JSON.")
    before: str
    match: str
    after: str


class ArgumentOriginShape(Shape):
    """Where one value in the arguments came from: a help for people, no proof."""

    path: list[str] = Field(description="Its place in the argument; empty for the argument itself.")
    origin: Origin = Field(description="`quoted`: it stands in what the LLM was told; `llm`: in nothing of it.")
    source: SourceKind | None = Field(description="In what it stands, the newest first; null unless it is quoted.")
    name: str = Field(description="Of that document, or of the tool whose result it is.")
    untrusted: bool = Field(description="It stands in a document or in memory, which nobody has checked.")
    unchecked: bool = Field(description="It stands in nothing but results of tools, which tell what others wrote.")
    words: str = Field(description="All of this in words, for people.")
    quotations: list[QuotationShape] = Field(description="For those who may read what was said and done in the run.")


class ApprovalDetailShape(ApprovalShape):
    """The same with the JSON schema of the arguments; null if the code no longer has the tool."""

    arguments_schema: dict[str, Any] | None
    nobody_because: str | None = Field(
        description="While it waits: why nobody may approve it as groups and permissions are; null if somebody may."
    )
    origins: dict[str, list[ArgumentOriginShape]] | None = Field(
        None,
        description="By argument, where it came from; null in answers to commands.",
    )


def approval_detail_as_dict(
    request: ApprovalRequest, viewer: Any, schema: JSONObject | None, origins: JSONObject | None = None
) -> JSONObject:
    """A request, as far as this person may see it. schema: of the arguments, as the code declares it now."""
    nobody = nobody_because(request) if request.status == ApprovalStatus.PENDING else ""
    more = {"arguments_schema": schema, "nobody_because": nobody or None, "origins": origins}
    return {**approval_as_dict(request, viewer), **more}


def origins_as_dict(
    found: Mapping[str, Sequence[Provenance]], words: Mapping[str, Sequence[str]], *, quote: bool
) -> JSONObject:
    """By argument. words: the same for people. quote: whether this person may read what was said and done."""
    return {
        name: [
            _origin(each, text, quote=quote).model_dump(mode="json")
            for each, text in zip(origins, words[name], strict=True)
        ]
        for name, origins in found.items()
    }


def _origin(found: Provenance, words: str, *, quote: bool) -> ArgumentOriginShape:
    first = found.quotations[0].source if found.quotations else None
    return ArgumentOriginShape(
        path=list(found.path),
        origin=found.origin,
        source=None if first is None else first.kind,
        name="" if first is None else first.name,
        untrusted=found.untrusted,
        unchecked=found.unchecked,
        words=words,
        quotations=[_quotation(each) for each in found.quotations] if quote else [],
    )


def _quotation(quotation: Quotation) -> QuotationShape:
    return QuotationShape(
        source=quotation.source.kind,
        name=quotation.source.name,
        path=quotation.path,
        before=quotation.before,
        match=quotation.match,
        after=quotation.after,
    )
