"""A migrated database, made once and copied by the processes that test beside each other: to migrate takes long.

`scripts/test` says where the copy is kept, since it clears away: AGENTS_TEST_SQLITE_COPY names a file,
AGENTS_TEST_PG_COPY a database. Who does not find it there makes it.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from django.db import connection


class Copy(Protocol):
    """Where it is kept."""

    def exists(self) -> bool: ...

    def take(self) -> None:
        """Make this process's test database of it."""

    def keep(self) -> None:
        """Make it of this process's test database, which is in use by now."""


@contextmanager
def copied() -> Iterator[bool]:
    """Whether the test database is there, as a copy. If not, it is made meanwhile, kept for the others, who wait."""
    copy = _copy()
    if copy is None:
        yield False
        return
    with Path(tempfile.gettempdir(), "agents-app-migrated.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = copy.exists()
        if found:
            copy.take()
        yield found
        if not found:
            copy.keep()


def _copy() -> Copy | None:
    if connection.vendor == "postgresql":
        return InServer(os.environ["AGENTS_TEST_PG_COPY"]) if "AGENTS_TEST_PG_COPY" in os.environ else None
    return InFile(os.environ["AGENTS_TEST_SQLITE_COPY"]) if "AGENTS_TEST_SQLITE_COPY" in os.environ else None


def _name_to_be() -> str:
    """What Django will call the test database."""
    return connection.creation._get_test_db_name()


def copy_to(path: Path) -> None:
    """A file of its own like this process's test database, which is SQLite."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(path)])


class InFile:
    def __init__(self, name: str) -> None:
        self.path = Path(name)

    def exists(self) -> bool:
        return self.path.exists()

    def take(self) -> None:
        for ending in ("", "-wal", "-shm"):
            Path(_name_to_be() + ending).unlink(missing_ok=True)
        shutil.copy(self.path, _name_to_be())

    def keep(self) -> None:
        copy_to(self.path)


class InServer:
    def __init__(self, name: str) -> None:
        self.name = name

    def exists(self) -> bool:
        with connection._nodb_cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [self.name])
            return cursor.fetchone() is not None

    def take(self) -> None:
        self._create(_name_to_be(), like=self.name)

    def keep(self) -> None:
        self._create(self.name, like=str(connection.settings_dict["NAME"]))

    def _create(self, name: str, *, like: str) -> None:
        quote = connection.ops.quote_name
        connection.close()  # nobody may be connected to what is copied
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {quote(name)}")
            cursor.execute(f"CREATE DATABASE {quote(name)} TEMPLATE {quote(like)}")
