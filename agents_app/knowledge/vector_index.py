"""The vector column and its index on PostgreSQL, which `manage.py agents_knowledge_setup` makes: they need pgvector.

There is one index for each dimension, so that the vectors of the next embedder are searched by one as soon as they are
made, whatever their dimension.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, DataError, connections
from django.utils.translation import gettext

from agents_app.conf import conf
from agents_app.core.vectors import unpack
from agents_app.exceptions import AgentsError, InvalidInput

TABLE = "agents_knowledge_chunkvector"
LARGEST = 2_000
"""Numbers of a vector that pgvector can index."""
FILLED_AT_ONCE = 500
FILL = "UPDATE agents_knowledge_chunkvector SET embedding = %s::vector WHERE id = %s"

READY = """ARRAY(
    SELECT indexrelid::regclass::text FROM pg_index
    WHERE indrelid = to_regclass('agents_knowledge_chunkvector') AND indisvalid
)"""
"""In a statement: the names of the indexes that vectors can be searched by."""


def index_name(dimension: int) -> str:
    """The index over vectors with so many numbers."""
    return f"agents_k_vector_hnsw_{dimension}"


def has_column() -> bool:
    """Whether vectors are to be written in pgvector's form, too."""
    connection = connections[conf.DATABASE]
    if connection.vendor != "postgresql":
        return False
    sql = "SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = 'embedding' AND NOT attisdropped"
    return bool(_rows(sql, [TABLE]))


def has_index(dimension: int) -> bool:
    """Whether vectors with so many numbers are searched by an index, which is ready."""
    connection = connections[conf.DATABASE]
    if connection.vendor != "postgresql":
        return False
    sql = "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(%s) AND indisvalid"
    return bool(_rows(sql, [index_name(dimension)]))


def dimensions() -> list[int]:
    """The dimensions that stored vectors have."""
    return [
        row[0] for row in _rows("SELECT DISTINCT dimension FROM agents_knowledge_chunkvector ORDER BY dimension", [])
    ]


def make_column() -> None:
    """Add the extension and the column where they are not there. Raises AgentsError that says what to do."""
    try:
        _do("CREATE EXTENSION IF NOT EXISTS vector")
        _do(f"ALTER TABLE {TABLE} ADD COLUMN IF NOT EXISTS embedding vector")
    except DatabaseError as error:
        message = (
            f"pgvector cannot be set up: {str(error).strip()} Install it on the database server, and let somebody who "
            "may do so run CREATE EXTENSION vector once. Without it vectors are compared one by one."
        )
        raise AgentsError(message, code="no_pgvector") from error


def missing() -> int:
    """How many stored vectors have not been written to the column yet."""
    return int(_rows("SELECT count(*) FROM agents_knowledge_chunkvector WHERE embedding IS NULL", [])[0][0])


def fill() -> Iterator[int]:
    """Write the stored vectors to the column, many at once; tells after each lot how many it wrote."""
    sql = "SELECT id, vector FROM agents_knowledge_chunkvector WHERE embedding IS NULL ORDER BY id LIMIT %s"
    while rows := _rows(sql, [FILLED_AT_ONCE]):
        write(rows)
        yield len(rows)


def write(rows: Iterable[tuple[int, Any]]) -> None:
    """Write these vectors (id, packed) to the column."""
    with connections[conf.DATABASE].cursor() as cursor:
        cursor.executemany(FILL, [("[" + ",".join(map(repr, unpack(vector))) + "]", row) for row, vector in rows])


@contextmanager
def memory(size: str) -> Iterator[None]:
    """Indexes that are made meanwhile may take so much of the server's memory ("2GB"); empty: what it gives by default.

    An index that does not fit is made many times as slowly. Raises InvalidInput.
    """
    if not size:
        yield
        return
    try:
        _rows("SELECT set_config('maintenance_work_mem', %s, false)", [size])
    except DataError as error:
        text = gettext("“%(size)s” is no size of memory that PostgreSQL takes: say 512MB, or 2GB.")
        raise InvalidInput(text % {"size": size}) from error
    try:
        yield
    finally:
        _do("RESET maintenance_work_mem")


def make_index(dimension: int) -> None:
    """Make the index for vectors with so many numbers, without keeping anybody from writing meanwhile.

    Not inside a transaction. Raises AgentsError.
    """
    if not 0 < dimension <= LARGEST:
        message = (
            f"pgvector indexes vectors of at most {LARGEST} numbers, and these have {dimension}. Ask the embedder for "
            'fewer ("dimensions" in AGENTS_APP["EMBEDDER"]); until then they are compared one by one.'
        )
        raise AgentsError(message, code="dimension_too_large")
    name = index_name(dimension)
    if not has_index(dimension):
        _do(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")  # what an interrupted attempt left is not valid
        _do(
            f"CREATE INDEX CONCURRENTLY {name} ON {TABLE} "
            f"USING hnsw ((embedding::vector({int(dimension)})) vector_cosine_ops) WHERE dimension = {int(dimension)}"
        )


def _do(sql: str) -> None:
    with connections[conf.DATABASE].cursor() as cursor:
        cursor.execute(sql)


def _rows(sql: str, params: list[Any]) -> list[Any]:
    with connections[conf.DATABASE].cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[Any] = cursor.fetchall()
        return rows
