"""Search by vectors: by pgvector's HNSW index where `agents_knowledge_setup` has made one, else one by one."""

import heapq
from collections.abc import Iterator, Sequence
from typing import Any

import numpy
from django.db import connections, transaction

from agents_app.conf import conf
from agents_app.core.vectors import dimension, unpack
from agents_app.knowledge.search.scope import Scope
from agents_app.knowledge.search.words import Ranked
from agents_app.knowledge.vector_index import has_index
from agents_app.models import takes_several

ROWS_AT_ONCE = 500
EXACT = """
SELECT v.chunk_id, v.vector
FROM agents_knowledge_chunkvector v
JOIN agents_knowledge_chunk c ON c.id = v.chunk_id
JOIN ({scope}) d ON d.id = c.document_id AND d.version = c.version
WHERE v.embedder = %s AND v.dimension = %s
"""
READ_ON = "SET LOCAL hnsw.iterative_scan = strict_order"
"""What the filters leave of the nearest may be too few: then the index is read on."""
# The dimension is written out, as it is in the condition of the index.
NEAREST = """
SELECT v.chunk_id, 1 - (v.embedding::vector({size}) <=> %s::vector({size})) AS score
FROM agents_knowledge_chunkvector v
JOIN agents_knowledge_chunk c ON c.id = v.chunk_id
JOIN ({scope}) d ON d.id = c.document_id AND d.version = c.version
WHERE v.embedder = %s AND v.dimension = {size} AND v.embedding IS NOT NULL
ORDER BY v.embedding::vector({size}) <=> %s::vector({size}) LIMIT %s
"""


def by_vector(vector: bytes, embedder: str, scope: Scope, limit: int) -> Ranked:
    """The chunks in the scope whose vectors by this embedder are nearest to the given one, with their cosines."""
    size = dimension(vector)
    if has_index(size):
        return _nearest(vector, size, embedder, scope, limit)
    return _exact(vector, size, embedder, scope, limit)


def _nearest(vector: bytes, size: int, embedder: str, scope: Scope, limit: int) -> Ranked:
    text = as_text(vector)
    sql, params = NEAREST.format(size=int(size), scope=scope.sql), [text, *scope.params, embedder, text, limit]
    connection = connections[conf.DATABASE]
    if not takes_several(connection):
        with transaction.atomic(using=conf.DATABASE), connection.cursor() as cursor:
            cursor.execute(READ_ON)
            cursor.execute(sql, params)
            return _ranked(cursor)
    with connection.cursor() as cursor:
        cursor.execute(f"{READ_ON}; {sql}", params)  # statements of one message are one transaction
        cursor.nextset()
        return _ranked(cursor)


def _ranked(cursor: Any) -> Ranked:
    return [(row, float(score)) for row, score in cursor.fetchall()]


def _exact(vector: bytes, size: int, embedder: str, scope: Scope, limit: int) -> Ranked:
    asked = numpy.frombuffer(vector, dtype="<f4")
    best: list[tuple[float, int]] = []
    for rows in _in_blocks(EXACT.format(scope=scope.sql), [*scope.params, embedder, size]):
        vectors = numpy.frombuffer(b"".join(bytes(packed) for _, packed in rows), dtype="<f4").reshape(-1, size)
        # Not `vectors @ asked`: its threads wait for each other in each block, which takes longer than to count alone.
        scores = numpy.einsum("ij,j->i", vectors, asked)
        few = min(limit, len(rows))
        best += [(float(scores[place]), -rows[place][0]) for place in numpy.argpartition(-scores, few - 1)[:few]]
        best = heapq.nlargest(limit, best)
    return [(-row, score) for score, row in best]


def _in_blocks(sql: str, params: Sequence[Any]) -> Iterator[list[Any]]:
    with connections[conf.DATABASE].cursor() as cursor:
        cursor.execute(sql, params)
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            yield rows


def as_text(vector: bytes | memoryview) -> str:
    """A stored vector as pgvector reads it."""
    return "[" + ",".join(f"{number:.7g}" for number in unpack(vector)) + "]"
