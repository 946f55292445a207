"""Full text search: PostgreSQL's tsvector, and FTS5 on SQLite.

On both a passage that holds one of the words is found, and rare words count for more than frequent ones: FTS5's bm25
does that by itself. PostgreSQL's ts_rank does not, and ranks a passage by how often it holds any of them; here each
word's rank is multiplied by how rare it is.
"""

import math
import re
from collections.abc import Sequence
from typing import Any

from django.db import connections

from agents_app.conf import conf
from agents_app.knowledge.search.asked import Asked
from agents_app.knowledge.search.scope import Scope

Ranked = list[tuple[int, float]]
"""Ids of chunks with their scores, best first."""

FREQUENT = 5_000
"""A word that stands in more chunks than this finds none by itself where rarer words do: all of them would have to be
ranked, and none would come first."""
COUNTED = 2 * FREQUENT
"""Chunks that are counted at most to know how many there are. With more of them all words seem somewhat less rare."""
HEADING_WEIGHT = 2.0
WEIGHTS = "{0.6, 0.6, 0.6, 1.0}"
"""Of the text's words (D) and the headings' (A), for ts_rank."""


def by_words(asked: Asked, scope: Scope, limit: int) -> Ranked:
    """The chunks in the scope that hold words of the question, best first."""
    if not asked.words:
        return []
    return (_postgresql if _vendor() == "postgresql" else _sqlite)(asked, scope, limit)


def words_in(asked: Asked, ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Which words of the question are found in these chunks, in the form that they have there or are indexed in."""
    if not asked.words or not ids:
        return {}
    return (_words_postgresql if _vendor() == "postgresql" else _words_sqlite)(asked, ids)


def _vendor() -> str:
    return connections[conf.DATABASE].vendor


def _rows(sql: str, params: Sequence[Any]) -> list[Any]:
    with connections[conf.DATABASE].cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[Any] = cursor.fetchall()
        return rows


# SQLite

BY_BM25 = """
SELECT c.id, -bm25(agents_knowledge_text, %s, 1.0) AS score
FROM agents_knowledge_text
CROSS JOIN agents_knowledge_chunk c ON c.id = agents_knowledge_text.rowid
CROSS JOIN ({scope}) d ON d.id = c.document_id AND d.version = c.version
WHERE agents_knowledge_text MATCH %s
ORDER BY score DESC, c.id LIMIT %s
"""
COUNT = """
SELECT count(*) FROM (SELECT 1 FROM agents_knowledge_text WHERE agents_knowledge_text MATCH %s LIMIT %s)
"""
MARKED = """
SELECT rowid, highlight(agents_knowledge_text, 0, char(2), char(3)),
    highlight(agents_knowledge_text, 1, char(2), char(3))
FROM agents_knowledge_text WHERE agents_knowledge_text MATCH %s AND rowid IN ({ids})
"""


def _quoted(words: Sequence[str]) -> str:
    """Words alone, in quotation marks: nothing in them is syntax."""
    return " OR ".join(f'"{word}"' for word in words)


def _sqlite(asked: Asked, scope: Scope, limit: int) -> Ranked:
    sql = BY_BM25.format(scope=scope.sql)
    return _rows(sql, [HEADING_WEIGHT, *scope.params, _quoted(_telling(asked.words)), limit])


def _telling(words: Sequence[str]) -> Sequence[str]:
    """Without those that are frequent, if others are left. One word needs no count."""
    if len(words) == 1:
        return words
    rare = [word for word in words if 0 < _rows(COUNT, [_quoted([word]), FREQUENT + 1])[0][0] <= FREQUENT]
    return rare or words


def _words_sqlite(asked: Asked, ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    marks = ", ".join(["%s"] * len(ids))
    rows = _rows(MARKED.format(ids=marks), [_quoted(asked.words), *ids])
    return {row: _marked(f"{heading} {text}") for row, heading, text in rows}


def _marked(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.lower() for word in re.findall("\x02([^\x03]+)\x03", text)))


# PostgreSQL

# How often each word of the question stands in how many chunks: from the planner's statistics for the frequent ones,
# counted for those that are not among them. Where by the statistics no word can be FREQUENT they are not believed: they
# tell of what was there a while ago, which need not have much in common with what is there now. Then what is there is
# counted, as far as it takes no time: a large shelf may just have been filled.
LEXEMES = """
WITH words AS (SELECT lexeme FROM unnest(to_tsvector('pg_catalog.english', %s))),
size AS (
    SELECT reltuples > %s AS believed, CASE WHEN reltuples > %s THEN reltuples ELSE (
        SELECT count(*) FROM (SELECT 1 FROM agents_knowledge_chunk LIMIT %s) few
    ) END AS n
    FROM pg_class WHERE oid = 'agents_knowledge_chunk'::regclass
),
known AS (
    SELECT each.lexeme, each.share FROM pg_stats s
    CROSS JOIN LATERAL unnest(s.most_common_elems::text::text[], s.most_common_elem_freqs) AS each(lexeme, share)
    WHERE s.schemaname = current_schema() AND s.tablename = 'agents_knowledge_chunk' AND s.attname = 'searchable'
        AND each.lexeme = ANY(ARRAY(SELECT lexeme FROM words))
)
SELECT w.lexeme, size.n, coalesce(known.share * size.n, (
    SELECT count(*) FROM (
        SELECT 1 FROM agents_knowledge_chunk c
        WHERE c.searchable @@ ('''' || replace(replace(w.lexeme, '\\', '\\\\'), '''', '''''') || '''')::tsquery
        LIMIT %s
    ) found
)) AS chunks
FROM words w CROSS JOIN size LEFT JOIN known ON known.lexeme = w.lexeme AND size.believed
ORDER BY chunks, w.lexeme
"""
# The index finds first: a planner that begins with the documents reads every passage of them. Each tsvector is unpacked
# once (OFFSET 0 keeps it so), not for every word.
BY_RARITY = """
WITH found AS MATERIALIZED (
    SELECT c.id, c.document_id, c.version, c.searchable
    FROM agents_knowledge_chunk c WHERE c.searchable @@ %s::tsquery
)
SELECT seen.id, {score} AS score
FROM (
    SELECT f.id, f.searchable || ''::tsvector AS words
    FROM found f JOIN ({scope}) d ON d.id = f.document_id AND d.version = f.version
    OFFSET 0
) seen
ORDER BY score DESC, seen.id LIMIT %s
"""
LEXEMES_IN = """
SELECT c.id, word.text FROM agents_knowledge_chunk c
CROSS JOIN unnest(tsvector_to_array(to_tsvector('pg_catalog.english', %s))) AS word(text)
WHERE c.id = ANY(%s) AND word.text = ANY(tsvector_to_array(c.searchable))
"""


def _postgresql(asked: Asked, scope: Scope, limit: int) -> Ranked:
    params = [" ".join(asked.words), FREQUENT, FREQUENT, COUNTED, FREQUENT + 1]
    found = [row for row in _rows(LEXEMES, params) if row[2] > 0]
    if not found:
        return []
    rare = [lexeme for lexeme, _, chunks in found if chunks <= FREQUENT] or [found[0][0]]
    parts, params = [], []
    for lexeme, size, chunks in found:
        parts.append(f"%s * ts_rank('{WEIGHTS}', seen.words, %s::tsquery)")
        params += [_rarity(size, chunks), _as_query(lexeme)]
    sql = BY_RARITY.format(score=" + ".join(parts), scope=scope.sql)
    match = " | ".join(_as_query(lexeme) for lexeme in rare)
    return [(row, float(score)) for row, score in _rows(sql, [match, *params, *scope.params, limit])]


def _rarity(size: float, chunks: float) -> float:
    """The inverse document frequency of BM25."""
    return math.log(1 + (max(size, chunks) - chunks + 0.5) / (chunks + 0.5))


def _as_query(lexeme: str) -> str:
    escaped = lexeme.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def _words_postgresql(asked: Asked, ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    found: dict[int, list[str]] = {}
    for row, word in _rows(LEXEMES_IN, [" ".join(asked.words), list(ids)]):
        found.setdefault(row, []).append(word)
    return {row: tuple(sorted(words)) for row, words in found.items()}
