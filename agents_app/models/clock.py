"""The one clock of the rows: the database's.

Leases, due times and expiries are written and compared as database time, so that a host whose clock is wrong
neither steals nor loses a lease. Tests move it by `clock.offset`.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import connections, models
from django.db.models.expressions import Expression, Value
from django.utils import timezone

from agents_app.conf import conf


class _Clock:
    """Holds how far tests have moved the time."""

    offset = timedelta(0)

    @contextmanager
    def moved(self, by: timedelta) -> Iterator[None]:
        """Let database time be later by `by` (it adds up)."""
        self.offset += by
        try:
            yield
        finally:
            self.offset -= by


clock = _Clock()


class DatabaseNow(Expression):
    """The database's present moment, moved by `clock.offset`."""

    output_field = models.DateTimeField()

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """SQLite and others without a better clock: this host's, since the database is on it."""
        if getattr(compiler, "binds_later", False):
            return "%s", [partial(self._adapted, connection)]
        return compiler.compile(Value(self.of_host(), output_field=self.output_field))

    def of_host(self) -> datetime:
        """The moment by this host's clock."""
        return timezone.now() + clock.offset

    def _adapted(self, connection: Any) -> Any:
        return self.output_field.get_db_prep_value(self.of_host(), connection)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        kind = "" if settings.USE_TZ else "::timestamp"
        seconds = clock.offset.total_seconds()
        return f"(STATEMENT_TIMESTAMP(){kind} + INTERVAL '{seconds:f} seconds')", []


class _AfterNow(DatabaseNow):
    """Database time plus some seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def of_host(self) -> datetime:
        return super().of_host() + timedelta(seconds=self.seconds)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        sql, params = super().as_postgresql(compiler, connection)
        return f"({sql} + INTERVAL '{self.seconds:f} seconds')", params


def seconds_from_now(seconds: float) -> DatabaseNow:
    """The database's present moment plus `seconds`, as an expression."""
    return _AfterNow(seconds)


def database_now() -> datetime:
    """Ask the database for its present moment, outside of any row."""
    connection = connections[conf.DATABASE]
    if connection.vendor != "postgresql":
        return timezone.now() + clock.offset
    sql, _ = DatabaseNow().as_postgresql(None, connection)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {sql}")
        moment: datetime = cursor.fetchone()[0]
    return moment


class Reading:
    """A reading of database time that goes on by this host's monotonic clock, for as long as a run is held."""

    __slots__ = ("_at", "_moment", "_offset")

    def __init__(self, moment: datetime) -> None:
        self._moment, self._at, self._offset = moment, time.monotonic(), clock.offset

    def now(self) -> datetime:
        """Database time as of now."""
        passed = timedelta(seconds=time.monotonic() - self._at)
        return self._moment + passed + (clock.offset - self._offset)


def as_stored(moment: datetime) -> datetime:
    """An aware or naive moment in the form the rows use (naive local time where USE_TZ is off)."""
    if settings.USE_TZ:
        return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
    return timezone.make_naive(moment) if timezone.is_aware(moment) else moment
