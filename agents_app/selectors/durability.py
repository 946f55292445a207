"""Settings of the database server or file under which a commit that was reported may be lost."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

FULL = 2
"""SQLite's `PRAGMA synchronous` under which a commit survives a power cut."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Weakness:
    """`what` is set, `instead` should be. corrupts: not only the last commits may be lost, but the database."""

    what: str
    instead: str
    corrupts: bool = False


def weaknesses(connection: Any) -> Iterator[Weakness]:
    """Asks the connection what really holds, whoever has set it: options, role, database or server."""
    if connection.vendor == "postgresql":
        yield from _postgresql(connection)
    elif connection.vendor == "sqlite" and not connection.is_in_memory_db():
        yield from _sqlite(connection)


def _postgresql(connection: Any) -> Iterator[Weakness]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')"
        )
        found = dict(cursor.fetchall())
    if found.get("synchronous_commit") == "off":
        yield Weakness(what="PostgreSQL's synchronous_commit is off", instead="synchronous_commit=on")
    if found.get("fsync") == "off":
        yield Weakness(what="PostgreSQL's fsync is off", instead="fsync=on", corrupts=True)
    if found.get("full_page_writes") == "off":
        yield Weakness(what="PostgreSQL's full_page_writes is off", instead="full_page_writes=on", corrupts=True)


def keeps_locks_of_the_vanished(connection: Any) -> bool:
    """Whether a connection that was cut within a transaction keeps its locks, and with them its run, for hours."""
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT setting FROM pg_settings WHERE name = 'idle_in_transaction_session_timeout'")
        return bool(cursor.fetchone() == ("0",))


def _sqlite(connection: Any) -> Iterator[Weakness]:
    with connection.cursor() as cursor:
        journal, synchronous = (
            cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")
        )
    if synchronous < FULL:
        corrupts = synchronous == 0
        yield Weakness(what="SQLite's synchronous is not FULL", instead="PRAGMA synchronous=FULL", corrupts=corrupts)
    if journal in ("off", "memory"):
        yield Weakness(what=f"SQLite's journal_mode is {journal}", instead="PRAGMA journal_mode=WAL", corrupts=True)
