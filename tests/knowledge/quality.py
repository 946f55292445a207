"""How well a search answers the questions, measured on pages that were put there through the product."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agents_app.knowledge import ingest
from agents_app.knowledge.embedding import embed_collection
from agents_app.knowledge.indexing import read_document
from agents_app.knowledge.ingesting import make_collection
from agents_app.knowledge.models import Collection
from agents_app.knowledge.search import search
from agents_app.knowledge.vectors import analyze
from agents_app.models import DatabaseNow
from tests.knowledge.django_pages import Page
from tests.knowledge.questions import Asked, asked

AT = 5
MODES = ("text", "vectors", "fused")
WITHOUT_END = 10.0**9


@dataclass(frozen=True)
class Figures:
    recall: float
    recall_of_hard: float
    reciprocal_rank: float

    def __str__(self) -> str:
        return (
            f"recall@{AT} {self.recall:.3f}, of the hard half {self.recall_of_hard:.3f}, MRR {self.reciprocal_rank:.3f}"
        )


def index(pages: Sequence[Page], name: str = "django") -> Collection:
    """A collection with these pages, which can be found by their words. Without an embedder in the settings."""
    made = make_collection(name, public=True)
    for page in pages:
        accepted = ingest(made, page.text, key=page.name, title=page.title, hint=False)
        assert read_document(accepted.document.pk, seconds=WITHOUT_END), accepted.document.key
    analyze()
    return made


def make_vectors(of: Collection) -> None:
    """With the embedder of the settings."""
    Collection.objects.filter(pk=of.pk).update(embedding_due_at=DatabaseNow())
    assert embed_collection(of.pk, seconds=WITHOUT_END), Collection.objects.get(pk=of.pk).embedding_error


def rank_of(entry: Asked, mode: Any) -> int:
    """The place of the page that answers, among the pages of the first five passages; 0 if it is not there."""
    found = search(entry.question, "django", user=None, top_k=AT, mode=mode)
    assert found.mode == mode
    pages = [hit.key for hit in found]
    return pages.index(entry.page) + 1 if entry.page in pages else 0


def measured(mode: str) -> Figures:
    ranks = [(entry, rank_of(entry, mode)) for entry in asked()]
    hard = [rank for entry, rank in ranks if entry.hard]
    return Figures(
        recall=sum(rank > 0 for _, rank in ranks) / len(ranks),
        recall_of_hard=sum(rank > 0 for rank in hard) / len(hard),
        reciprocal_rank=sum(1 / rank for _, rank in ranks if rank) / len(ranks),
    )
