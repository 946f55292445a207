"""Empties the test database after a test that committed.

Django truncates every table and makes contents types, permissions and definitions anew, which takes longer than most of
these tests. Here only the tables that hold other rows than a new database lose those.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from django.apps import apps
from django.db import connections, transaction
from django.test import TransactionTestCase

from agents_app.transitions import cursors

Rows = dict[Any, tuple[str, ...]]
"""Rows of one table, by primary key."""

_as_new: dict[str, dict[str, Rows]] = {}
"""By alias: the tables of a new database that hold rows."""


@cache
def tables() -> dict[str, str]:
    """The column of the primary key, by table."""
    models = [model for model in apps.get_models(include_auto_created=True) if model._meta.managed]
    return {model._meta.db_table: model._meta.pk.column for model in models if not model._meta.proxy}


def filled(alias: str) -> list[str]:
    """The tables that hold rows; one query."""
    quote = connections[alias].ops.quote_name
    looks = [f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {quote(table)})" for table in tables()]
    with connections[alias].cursor() as cursor:
        cursor.execute(" UNION ALL ".join(looks))
        return [table for (table,) in cursor.fetchall()]


def rows_of(alias: str, table: str) -> Rows:
    quote = connections[alias].ops.quote_name
    with connections[alias].cursor() as cursor:
        cursor.execute(f"SELECT {quote(tables()[table])}, t.* FROM {quote(table)} t")
        return {row[0]: tuple(map(repr, row)) for row in cursor.fetchall()}


def remember(alias: str) -> None:
    """What the database holds now is what each test shall find."""
    _as_new[alias] = {table: rows_of(alias, table) for table in filled(alias)}


def empty(alias: str) -> bool:
    """Delete what came since; whether all is as it was. If something of a new database was changed, it is not."""
    quote = connections[alias].ops.quote_name
    as_new = _as_new[alias]
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        kept: set[str] = set()
        for table in filled(alias):
            if table not in as_new:
                cursor.execute(f"DELETE FROM {quote(table)}")
                continue
            rows = rows_of(alias, table)
            if extra := list(rows.keys() - as_new[table].keys()):
                marks = ", ".join(["%s"] * len(extra))
                cursor.execute(f"DELETE FROM {quote(table)} WHERE {quote(tables()[table])} IN ({marks})", extra)
            if {key: row for key, row in rows.items() if key in as_new[table]} == as_new[table]:
                kept.add(table)
    return kept == as_new.keys()


def empty_quickly() -> Callable[[], None]:
    """From now on tests that committed are followed by `empty`, and by Django's own way only where that is not enough.
    Returns how to end it."""
    the_slow_way = TransactionTestCase._fixture_teardown

    def _fixture_teardown(case: TransactionTestCase) -> None:
        aliases = case._databases_names(include_mirrors=False)
        if case.available_apps is None and all(alias in _as_new and empty(alias) for alias in aliases):
            cursors.forget_registered()  # what a `migrate` would do
            return
        the_slow_way(case)
        for alias in aliases:
            remember(alias)

    TransactionTestCase._fixture_teardown = _fixture_teardown  # type: ignore[method-assign]

    def end() -> None:
        TransactionTestCase._fixture_teardown = the_slow_way  # type: ignore[method-assign]

    return end
