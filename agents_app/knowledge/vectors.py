"""Makes and stores the vectors of chunks. Equal passages are embedded once: the digest of their text tells."""

from collections.abc import Iterable, Sequence

from django.db import connections, transaction

from agents_app.conf import conf
from agents_app.knowledge import vector_index
from agents_app.knowledge.models import Chunk, ChunkVector
from agents_app.llm.embedders import named_embedder
from agents_app.llm.embeddings import embed_batches

LOOKED_UP_AT_ONCE = 500


def embed_chunks(chunks: Sequence[Chunk], embedder: str) -> int:
    """Store the vectors that this embedder makes of the chunks which have none of it; how many were stored.

    A vector that an equal passage has is copied, whatever document it is in. What was stored stays when the embedder
    fails half-way. No transaction may be open. Raises EmbeddingError.
    """
    waiting = without_vectors(chunks, embedder)
    known = vectors_by_digest({chunk.digest for chunk in waiting}, embedder)
    stored = _store(waiting, known, embedder)
    texts = {chunk.digest: chunk.embedded_text for chunk in waiting if chunk.digest not in known}
    digests, made = list(texts), 0
    size = dimension_of(embedder)
    for batch in embed_batches(list(texts.values()), dimension=size, embedder=named_embedder(embedder)):
        fresh = dict(zip(digests[made : made + len(batch.vectors)], batch.vectors, strict=True))
        made += len(batch.vectors)
        stored += _store(waiting, fresh, embedder)
    return stored


def without_vectors(chunks: Sequence[Chunk], embedder: str) -> list[Chunk]:
    """Those of the chunks that have no vector of this embedder."""
    ids = [chunk.pk for chunk in chunks]
    have = set(ChunkVector.objects.filter(embedder=embedder, chunk__in=ids).values_list("chunk_id", flat=True))
    return [chunk for chunk in chunks if chunk.pk not in have]


def vectors_by_digest(digests: Iterable[str], embedder: str) -> dict[str, bytes]:
    """The vectors that this embedder has made of passages with these digests."""
    every, found = sorted(digests), dict[str, bytes]()
    for start in range(0, len(every), LOOKED_UP_AT_ONCE):
        some = every[start : start + LOOKED_UP_AT_ONCE]
        rows = ChunkVector.objects.filter(embedder=embedder, chunk__digest__in=some)
        found |= {digest: bytes(vector) for digest, vector in rows.values_list("chunk__digest", "vector")}
    return found


def dimension_of(embedder: str) -> int | None:
    """How many numbers the stored vectors of this embedder have; None if there are none."""
    return ChunkVector.objects.filter(embedder=embedder).values_list("dimension", flat=True).first()


def _store(chunks: Sequence[Chunk], vectors: dict[str, bytes], embedder: str) -> int:
    rows = [
        ChunkVector(chunk=chunk, embedder=embedder, dimension=len(packed) // 4, vector=packed)
        for chunk in chunks
        if (packed := vectors.get(chunk.digest)) is not None
    ]
    store_vectors(rows)
    return len(rows)


def store_vectors(rows: Sequence[ChunkVector]) -> None:
    """Write these new rows, in pgvector's form, too, where it is set up. What is there already stays as it is."""
    if not rows:
        return
    with transaction.atomic(using=conf.DATABASE):
        ChunkVector.objects.bulk_create(rows, batch_size=LOOKED_UP_AT_ONCE, ignore_conflicts=True)
        if vector_index.has_column():
            made = ChunkVector.objects.filter(embedder=rows[0].embedder, chunk__in=[row.chunk_id for row in rows])
            vector_index.write(made.values_list("pk", "vector"))


def analyze() -> None:
    """Let the database look at how frequent each word is, which it does by itself some time after many were added."""
    if connections[conf.DATABASE].vendor == "postgresql":
        with connections[conf.DATABASE].cursor() as cursor:
            cursor.execute("ANALYZE agents_knowledge_chunk")
