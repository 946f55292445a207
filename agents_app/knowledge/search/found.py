"""What a search finds, and why."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """A passage, and why it was found.

    score: what it was ranked by; only within one search is one comparable with another. text_rank, vector_rank: its
    place in the list of each way of searching, from 1, None if it is not in it; text_score, vector_score: what that
    list is ranked by (the latter a cosine). words: those of the question that were found in it, where asked for.
    """

    id: int
    document_id: UUID
    collection: str
    key: str
    title: str
    heading: str
    text: str
    page: int | None
    metadata: Mapping[str, Any]
    score: float = 0.0
    text_rank: int | None = None
    text_score: float | None = None
    vector_rank: int | None = None
    vector_score: float | None = None
    words: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """Where it stands, as people read it: the headings above it, and the page."""
        place = self.heading or self.title or self.key
        return f"{place}, p. {self.page}" if self.page else place


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """The passages of one search, best first.

    mode: how it was searched in the end: "fused", "text" or "vectors"; empty if there was nothing to search in or for.
    notes: what a person should know of it, each a sentence. error: the code of what failed and was gone without.
    collections: the names of those that were searched.
    """

    hits: tuple[Hit, ...] = ()
    mode: str = ""
    notes: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    error: str | None = None
    seconds: float = field(default=0.0, compare=False)

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def __len__(self) -> int:
        return len(self.hits)
