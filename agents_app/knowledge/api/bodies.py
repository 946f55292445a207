"""What requests say, and what is answered."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from agents_app.api.bodies import Body
from agents_app.knowledge.ingesting import KEY_LENGTH, TITLE_LENGTH
from agents_app.knowledge.models import Collection, Document
from agents_app.knowledge.search import Found, Hit
from agents_app.knowledge.search.searching import MOST, Mode
from agents_app.selectors.shapes import Moment, Shape


class AddText(Body):
    """A document that is a text."""

    key: Annotated[str, Field(min_length=1, max_length=KEY_LENGTH)]
    text: str
    title: Annotated[str, Field(max_length=TITLE_LENGTH)] = ""
    mime: Annotated[str, Field(max_length=100)] = "text/plain"
    metadata: dict[str, Any] = Field(default_factory=dict)


class Search(Body):
    """What to look up, and where."""

    query: str = Field(description="A long one is searched for by its beginning, which `notes` says.")
    collections: Annotated[list[str], Field(min_length=1, max_length=50)] = Field(description="Their names.")
    top_k: int = Field(5, ge=1, le=MOST, description="So many passages at most.")
    mode: Mode = Field("fused", description="By words, by vectors, or both.")
    filters: dict[str, Any] = Field(
        default_factory=dict,
        description="What the documents' metadata must say: a value, or a list of which one must be there.",
    )
    explain: bool = Field(
        False,
        description="Also why each was found; needs agents_knowledge.view_collection for each of the collections.",
    )


class WhyShape(Shape):
    """Why a passage was found: its place in the list of each way of searching, from 1."""

    text_rank: int | None
    text_score: float | None
    vector_rank: int | None
    vector_score: float | None = Field(description="A cosine.")
    words: list[str] = Field(description="Those of the question that were found in it.")


class HitShape(Shape):
    """A passage that was found."""

    id: int
    document: UUID
    collection: str
    key: str
    title: str
    source: str = Field(description="Where it stands, as people read it.")
    text: str
    page: int | None
    metadata: dict[str, Any]
    score: float = Field(description="What it was ranked by; not to be compared with those of another search.")
    why: WhyShape | None


class FoundShape(Shape):
    """What one search found, best first."""

    mode: Literal["fused", "text", "vectors", ""] = Field(description="How it was searched in the end.")
    notes: list[str] = Field(description="What one should know of it, each a sentence.")
    error: str | None = Field(description="The code of what failed and was gone without.")
    seconds: float
    results: list[HitShape]


class CollectionShape(Shape):
    """A collection."""

    name: str
    title: str
    description: str
    public: bool


class DocumentShape(Shape):
    """A document. version 0: nothing of it can be found yet."""

    id: UUID
    collection: str
    key: str
    title: str
    source: str
    mime: str
    size: int
    digest: str
    metadata: dict[str, Any]
    state: str
    error: dict[str, str] | None
    note: str
    pages: int | None
    pages_read: int
    version: int
    chunks: int
    changed_at: Moment
    indexed_at: Moment | None


class AddedShape(DocumentShape):
    """A document, and what became of what was sent."""

    outcome: Literal["added", "changed", "unchanged"]


def found_as_dict(found: Found, *, explain: bool) -> dict[str, Any]:
    """As JSON."""
    shown = FoundShape(
        mode=found.mode,  # type: ignore[arg-type]  # pydantic holds it
        notes=list(found.notes),
        error=found.error,
        seconds=found.seconds,
        results=[_hit(hit, explain) for hit in found],
    )
    return shown.model_dump(mode="json")


def _hit(hit: Hit, explain: bool) -> HitShape:
    same = {name: getattr(hit, name) for name in HitShape.model_fields if hasattr(hit, name)}
    why = {name: getattr(hit, name) for name in WhyShape.model_fields}
    return HitShape.model_validate({**same, "document": hit.document_id, "why": why if explain else None})


def collection_as_dict(row: Collection) -> dict[str, Any]:
    """As JSON."""
    shown = CollectionShape(name=row.name, title=row.title, description=row.description, public=row.public)
    return shown.model_dump(mode="json")


def document_as_dict(row: Document) -> dict[str, Any]:
    """As JSON."""
    same = {name: getattr(row, name) for name in DocumentShape.model_fields if hasattr(Document, name)}
    own = {
        "collection": row.collection.name,
        "error": {"code": row.error_code, "message": row.reason} if row.error else None,
        "note": row.noted,
        "chunks": row.chunk_count,
    }
    return DocumentShape.model_validate({**same, **own}).model_dump(mode="json")
