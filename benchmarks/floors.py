"""What nothing on this machine can be faster than: measured beside each figure."""

import json
import time
from pathlib import Path
from sqlite3 import connect as connect_sqlite

import psycopg

COMMITS = 8
"""Transactions of one run of W1."""


def commits_on_postgres(url: str, times: int = 100) -> float:
    """Seconds for as many commits of one small row as a run of W1 has."""
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS floor (id bigserial PRIMARY KEY, text text)")
        connection.commit()
        begun = time.perf_counter()
        for _ in range(times * COMMITS):
            connection.execute("INSERT INTO floor (text) VALUES (%s)", ["x" * 100])
            connection.commit()
        return (time.perf_counter() - begun) / times


def same_statements(url: str, path: Path, runs: int) -> float:
    """Seconds for a run's own statements and commits (as the case `statements` wrote them) by the driver alone: what
    is left when all of Python but psycopg costs nothing. url: of a database as it was before these runs."""
    with psycopg.connect(url) as connection:
        begun = time.perf_counter()
        for text in json.loads(path.read_text()):
            if text == "COMMIT":
                connection.commit()
            else:
                connection.execute(text)
        return (time.perf_counter() - begun) / runs


def commits_on_sqlite(path: Path, times: int = 100) -> float:
    """The same on SQLite."""
    connection = connect_sqlite(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS floor (id integer PRIMARY KEY, text text)")
    begun = time.perf_counter()
    for _ in range(times * COMMITS):
        connection.execute("INSERT INTO floor (text) VALUES (?)", ["x" * 100])
        connection.commit()
    seconds = (time.perf_counter() - begun) / times
    connection.close()
    return seconds
