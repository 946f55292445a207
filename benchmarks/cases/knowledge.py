"""What looking things up costs in a large collection: reading documents in, making their vectors, and one search of
each kind beside the statements that rank, by themselves.

Argument: how many chunks.
"""

import io
import statistics
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext, override_settings

from agents_app.knowledge import embedding, ingest
from agents_app.knowledge.indexing import read_document
from agents_app.knowledge.models import Chunk, ChunkVector, Collection
from agents_app.knowledge.search import search
from agents_app.knowledge.search.vectors import READ_ON
from agents_app.models import DatabaseNow
from benchmarks.cases.setup import analyzed, number, told
from benchmarks.clerk.words import Writer

PARAGRAPH_WORDS, PARAGRAPHS = 120, 20
"""A paragraph is as long as a chunk: two are longer than one may be."""
QUERIES, ASKED_WORDS, LEFT_OUT = 200, 5, 10
BY_HAND = 40
"""Of the questions, as many are asked as somebody would who knows no more than the database's manual: that is slow."""
EMBEDDER = "benchmarks.clerk.words.WordsEmbedder"
MODES = ("text", "vectors", "fused")
SEARCHING = ("ts_rank(", "bm25(", "<=>", "v.vector", "most_common_elems", "agents_knowledge_text MATCH")
"""What stands in the statements that count words and rank passages, and in no other. The one that ranks by pgvector's
index reads the passages, too."""
WITHOUT_END = 10.0**9


def main(chunks: int) -> None:
    """Print chunks a second, and the seconds of searches and of their bare statements."""
    writer = Writer()
    collection = Collection.objects.create(name="bench", public=True)
    reading = _seconds(lambda: _read(collection, writer, chunks))
    assert Chunk.objects.count() == chunks, Chunk.objects.count()
    with override_settings(AGENTS_APP={**settings.AGENTS_APP, "EMBEDDER": EMBEDDER}):
        vectors = _seconds(lambda: _embed(collection))
        assert ChunkVector.objects.count() == chunks
        indexing = _seconds(lambda: call_command("agents_knowledge_setup", memory="1GB", stdout=io.StringIO()))
        analyzed()
        questions = [writer.words(ASKED_WORDS) for _ in range(QUERIES)]
        searches = {mode: _searched(mode, questions) for mode in MODES}
        by_hand = _percentiles([_seconds(lambda: _by_hand(question)) for question in questions[:BY_HAND]])  # noqa: B023
    told(read=chunks / reading, embedded=chunks / vectors, index=indexing, searches=searches, by_hand=by_hand)


def _read(collection: Collection, writer: Writer, chunks: int) -> None:
    """Through the product, as a worker does: accepted, cut, stored, shown."""
    for place in range(0, chunks, PARAGRAPHS):
        paragraphs = [writer.words(PARAGRAPH_WORDS) for _ in range(min(PARAGRAPHS, chunks - place))]
        accepted = ingest(collection, "\n\n".join(paragraphs), key=f"page-{place}.txt", hint=False)
        assert read_document(accepted.document.pk, seconds=WITHOUT_END)


def _embed(collection: Collection) -> None:
    Collection.objects.filter(pk=collection.pk).update(embedding_due_at=DatabaseNow())
    assert embedding.embed_collection(collection.pk, seconds=WITHOUT_END)


def _searched(mode: Any, questions: list[str]) -> dict[str, Any]:
    """A search and the bare statements of the same one in turn, so that what else the machine does weighs on both."""
    ours, bare = [], []
    for question in questions:
        with CaptureQueriesContext(connection) as captured:
            assert search(question, "bench", user=None, mode=mode).mode == mode
        statements = [
            each["sql"].removeprefix(f"{READ_ON};")
            for each in captured.captured_queries
            if any(mark in each["sql"] for mark in SEARCHING)
        ]
        bare.append(_seconds(lambda: _executed(statements)))  # noqa: B023 - it is called at once
        ours.append(_seconds(lambda: search(question, "bench", user=None, mode=mode)))  # noqa: B023
    return {"ours": _percentiles(ours[LEFT_OUT:]), "bare": _percentiles(bare[LEFT_OUT:])}


def _by_hand(question: str) -> None:
    """All the question's words, ranked by what the database brings."""
    words = question.split()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT c.id FROM agents_knowledge_chunk c, to_tsquery('english', %s) q "
                "WHERE c.searchable @@ q ORDER BY ts_rank(c.searchable, q) DESC LIMIT 5",
                [" | ".join(words)],
            )
        else:
            cursor.execute(
                "SELECT rowid FROM agents_knowledge_text WHERE agents_knowledge_text MATCH %s ORDER BY rank LIMIT 5",
                [" OR ".join(words)],
            )
        cursor.fetchall()


def _executed(statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
            cursor.fetchall()


def _seconds(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def _percentiles(seconds: list[float]) -> dict[str, float]:
    hundredths = statistics.quantiles(seconds, n=100)
    return {"p50": hundredths[49], "p99": hundredths[98]}


if __name__ == "__main__":
    main(number(1, 100_000))
