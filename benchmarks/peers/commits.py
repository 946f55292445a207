"""What a peer asks of PostgreSQL: how many transactions have written, as each takes one number."""

from typing import Any

import psycopg


def commits(database: str) -> int:
    """The number that the next one takes: the difference of two is how many there were between them."""
    with psycopg.connect(database, autocommit=True) as connection:
        row: Any = connection.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint").fetchone()
    return int(row[0])
