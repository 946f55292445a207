"""Does the database answer, is it migrated, and do its settings keep the promises?"""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from agents_app.conf import conf
from agents_app.management.doctor.findings import Finding, broken, ok, warning
from agents_app.models import AgentContext, database_now
from agents_app.selectors.durability import weaknesses

SUBJECT = "database"
CLOCK_SECONDS = 5.0
BUSY_MILLISECONDS = 5_000
SHIPPED = "project/databases.py in the repository shows settings that keep the promises."


def examine_database() -> Iterator[Finding]:
    """The alias AGENTS_APP["DATABASE"]."""
    if conf.DATABASE not in connections:
        text = f'AGENTS_APP["DATABASE"] is "{conf.DATABASE}", and DATABASES has no such alias.'
        yield broken(SUBJECT, text, f"Use one of {', '.join(connections)}.")
        return
    connection = connections[conf.DATABASE]
    connection.ensure_connection()
    version = ".".join(str(part) for part in connection.get_database_version())
    yield ok(SUBJECT, f"{connection.display_name} {version}, alias “{conf.DATABASE}”")
    yield from _settings(connection)
    for weakness in weaknesses(connection):
        may = "the database may be corrupt after" if weakness.corrupts else "an accepted run may be lost in"
        yield warning(SUBJECT, f"{weakness.what}: {may} a power cut.", f"Use {weakness.instead}. {SHIPPED}")
    yield from _migrations(connection)
    yield from _clock()


def _settings(connection: Any) -> Iterator[Finding]:
    match connection.vendor:
        case "sqlite":
            yield from _sqlite(connection)
        case "postgresql":
            yield from _postgresql(connection)
        case vendor:
            text = f"{vendor} is not tested; SQLite and PostgreSQL are."
            yield warning(SUBJECT, text, "Use PostgreSQL in production.")


def _sqlite(connection: Any) -> Iterator[Finding]:
    if connection.is_in_memory_db():
        yield warning(SUBJECT, "is in memory: everything is lost with the process.", "Use a file.")
        return
    if connection.transaction_mode != "IMMEDIATE":
        text = "SQLite transactions are not IMMEDIATE: workers will meet “database is locked”."
        yield warning(SUBJECT, text, f'Set OPTIONS["transaction_mode"] = "IMMEDIATE". {SHIPPED}')
    with connection.cursor() as cursor:
        journal, busy = (cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "busy_timeout"))
    if journal != "wal":
        text = f"SQLite's journal_mode is {journal}: readers and the writer block each other."
        yield warning(SUBJECT, text, f'Set OPTIONS["init_command"] = "PRAGMA journal_mode=WAL;". {SHIPPED}')
    if busy < BUSY_MILLISECONDS:
        text = f"SQLite's busy timeout is {busy / 1000:g} s: writers give up early."
        yield warning(SUBJECT, text, f'Set OPTIONS["timeout"] = 20. {SHIPPED}')


def _postgresql(connection: Any) -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_isolation")
        isolation = cursor.fetchone()[0]
    if isolation != "read committed":
        text = f"The isolation level is {isolation}; the locks here are made for read committed."
        yield broken(SUBJECT, text, 'Take OPTIONS["isolation_level"] out, or use another alias for AGENTS_APP.')
    if connection.settings_dict["OPTIONS"].get("pool"):
        text = 'OPTIONS["pool"] is on: a pool does not survive the fork of a queue worker, answers get mixed up.'
        yield broken(SUBJECT, text, "Turn the pool off in the settings of the workers.")


def _migrations(connection: Any) -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    ours = [config.label for config in apps.get_app_configs() if f"{config.name}.".startswith("agents_app.")]
    leaves = [leaf for label in ours for leaf in executor.loader.graph.leaf_nodes(label)]
    planned = [migration for migration, _ in executor.migration_plan(leaves) if migration.app_label in ours]
    if missing := [f"{migration.app_label}.{migration.name}" for migration in planned]:
        where = "" if conf.DATABASE == "default" else f" --database {conf.DATABASE}"
        text = f"Migrations are missing: {', '.join(missing)}."
        yield broken("migrations", text, f"manage.py migrate{where}")
    else:
        AgentContext.objects.exists()
        yield ok("migrations", "all applied")


def _clock() -> Iterator[Finding]:
    here = timezone.now()
    there = database_now()
    if timezone.is_naive(there):
        there = timezone.make_aware(there)
    seconds = abs((there - here).total_seconds())
    if seconds > CLOCK_SECONDS:
        text = f"This host's clock is {seconds:.0f} s away from the database's, by which leases are counted."
        yield warning("clock", text, "Synchronise the clocks (NTP).")
