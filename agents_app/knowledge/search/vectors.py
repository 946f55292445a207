"""Search by vectors: by pgvector's HNSW index where `agents_knowledge_setup` has made one, else one by one."""

import heapq
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy
from django.db import connections, transaction

from agents_app.conf import conf
from agents_app.core.vectors import dimension, unpack
from agents_app.knowledge.search.found import Hit
from agents_app.knowledge.search.scope import Scope
from agents_app.knowledge.search.words import Ranked
from agents_app.knowledge.vector_index import index_name
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
SELECT v.chunk_id, v.embedding::vector({size}) <=> %s::vector({size}) AS distance
FROM agents_knowledge_chunkvector v
JOIN agents_knowledge_chunk c ON c.id = v.chunk_id
JOIN ({scope}) d ON d.id = c.document_id AND d.version = c.version
WHERE v.embedder = %s AND v.dimension = {size} AND v.embedding IS NOT NULL
ORDER BY distance LIMIT %s
"""
# What was found is read by the same statement: to read a few rows takes less time than another message.
WITH_PASSAGES = """
SELECT c.id, 1 - f.distance, c.text, c.heading, c.page, c.metadata, s.id, s.key, s.title, o.name
FROM ({nearest}) f
JOIN agents_knowledge_chunk c ON c.id = f.chunk_id
JOIN agents_knowledge_document s ON s.id = c.document_id
JOIN agents_knowledge_collection o ON o.id = c.collection_id
ORDER BY f.distance
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Near:
    """What is nearest, with its cosines. read: the passages, where the statement that ranked has read them, too."""

    ranked: Ranked
    read: Mapping[int, Hit] = field(default_factory=dict)


def by_vector(vector: bytes, embedder: str, scope: Scope, limit: int) -> Near:
    """The chunks in the scope whose vectors by this embedder are nearest to the given one."""
    size = dimension(vector)
    if index_name(size) in scope.indexes:
        return _nearest(vector, size, embedder, scope, limit)
    return Near(ranked=_exact(vector, size, embedder, scope, limit))


def _nearest(vector: bytes, size: int, embedder: str, scope: Scope, limit: int) -> Near:
    sql = WITH_PASSAGES.format(nearest=NEAREST.format(size=int(size), scope=scope.sql))
    params = [as_text(vector), *scope.params, embedder, limit]
    connection = connections[conf.DATABASE]
    if not takes_several(connection):
        with transaction.atomic(using=conf.DATABASE), connection.cursor() as cursor:
            cursor.execute(READ_ON)
            cursor.execute(sql, params)
            return _near(cursor)
    with connection.cursor() as cursor:
        cursor.execute(f"{READ_ON}; {sql}", params)  # statements of one message are one transaction
        cursor.nextset()
        return _near(cursor)


def _near(cursor: Any) -> Near:
    rows = cursor.fetchall()
    return Near(ranked=[(row[0], float(row[1])) for row in rows], read={row[0]: _hit(row) for row in rows})


def _hit(row: Sequence[Any]) -> Hit:
    pk, _, text, heading, page, metadata, document, key, title, collection = row
    return Hit(
        id=pk,
        document_id=document,
        collection=collection,
        key=key,
        title=title,
        heading=heading,
        text=text,
        page=page,
        metadata=json.loads(metadata),
    )


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
    return f"[{','.join(['%.7g'] * dimension(vector)) % unpack(vector)}]"
