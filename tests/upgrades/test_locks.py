"""No migration holds a long lock on a table that may be large: what it would send to PostgreSQL is read here."""

import re
from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader

from tests.upgrades.test_columns import RELEASED, states

FORBIDDEN = {
    r"CREATE (UNIQUE )?INDEX (?!CONCURRENTLY)": "use AddIndexConcurrently, in a migration with atomic = False",
    r"DROP INDEX (?!CONCURRENTLY)": "use RemoveIndexConcurrently, in a migration with atomic = False",
    r"ALTER COLUMN \S+ TYPE": "the table is written anew; add another column instead",
    r"ALTER COLUMN \S+ SET NOT NULL": "the table is read under a lock; add a check with NOT VALID instead",
    r"ALTER COLUMN \S+ DROP DEFAULT": "an old worker's INSERT fails; give the field a db_default",
    r"ADD COLUMN (?!.*\bDEFAULT\b).*\bNOT NULL": "give the field a db_default, or let it be null",
    r"ADD COLUMN .*\bGENERATED\b": "the table is written anew",
    r"ADD COLUMN .*\bREFERENCES\b": "the table is read under a lock; db_constraint=False, or a table of its own",
    r"ADD CONSTRAINT (?!.*NOT VALID)": "the table is read under a lock; for a check see migrations/_gentle.py",
    r"(DROP|RENAME) (COLUMN|TO)": "workers of the last release still read it",
    r"^DROP TABLE": "workers of the last release still use it",
}


def lines(migration: Migration, loader: MigrationLoader) -> list[str]:
    """The SQL of one migration."""
    return [
        line
        for line in loader.collect_sql([(migration, False)])
        if not line.startswith(("--", "BEGIN", "COMMIT")) and line.strip()
    ]


def locking(statements: list[str], tables: set[str]) -> Iterator[tuple[str, str]]:
    """Those that hold a long lock on one of these tables, and what to do instead."""
    for statement in statements:
        named = set(re.findall(r'"(\w+)"', statement))
        first = next((name for name in re.findall(r'"(\w+)"', statement) if name in tables), None)
        if not named & tables and not statement.startswith("DROP INDEX"):
            continue
        # An INDEX names itself first; everything else names its table first.
        if not statement.startswith(("CREATE", "DROP INDEX")) and first != re.findall(r'"(\w+)"', statement)[0]:
            continue
        for pattern, instead in FORBIDDEN.items():
            if re.search(pattern, statement):
                yield statement, instead


@pytest.mark.postgresql_only
@pytest.mark.django_db
def test_no_migration_holds_a_long_lock() -> None:
    loader = MigrationLoader(connection)
    names = {name for app, name in loader.disk_migrations if app == "agents_app"} - {"0001_initial"}
    found = [each for name in sorted(names) for each in _locking_in(name, loader)]
    assert not found, "\n".join(f"{statement}\n    {instead}" for statement, instead in found)


def _locking_in(name: str, loader: MigrationLoader) -> Iterator[tuple[str, str]]:
    released = max(last for last in RELEASED.values() if last < name)
    tables = {str(state.options.get("db_table") or f"agents_app_{model}") for model, state in states(released).items()}
    return locking(lines(loader.disk_migrations["agents_app", name], loader), tables)


@pytest.mark.once
@pytest.mark.parametrize(
    "statement",
    [
        'CREATE INDEX "i" ON "t" ("a");',
        'CREATE UNIQUE INDEX "i" ON "t" ("a") WHERE "b" > 1;',
        'DROP INDEX IF EXISTS "i";',
        'ALTER TABLE "t" ALTER COLUMN "a" TYPE text USING "a"::text;',
        'ALTER TABLE "t" ALTER COLUMN "a" SET NOT NULL;',
        'ALTER TABLE "t" ALTER COLUMN "a" DROP DEFAULT;',
        'ALTER TABLE "t" ADD COLUMN "a" integer NOT NULL;',
        'ALTER TABLE "t" ADD COLUMN "a" uuid NULL CONSTRAINT "c" REFERENCES "u" ("id") DEFERRABLE;',
        'ALTER TABLE "t" ADD COLUMN "a" integer GENERATED ALWAYS AS (1) STORED;',
        'ALTER TABLE "t" ADD CONSTRAINT "c" CHECK ("a" > 0);',
        'ALTER TABLE "t" ADD CONSTRAINT "c" UNIQUE ("a");',
        'ALTER TABLE "t" DROP COLUMN "a" CASCADE;',
        'ALTER TABLE "t" RENAME COLUMN "a" TO "b";',
        'DROP TABLE "t" CASCADE;',
    ],
)
def test_what_would_lock_is_found(statement: str) -> None:
    assert list(locking([statement], {"t"}))


@pytest.mark.once
@pytest.mark.parametrize(
    "statement",
    [
        'CREATE INDEX CONCURRENTLY "i" ON "t" ("a");',
        'CREATE INDEX "i" ON "new" ("a");',
        'CREATE TABLE "new" ("id" bigint NOT NULL PRIMARY KEY);',
        'ALTER TABLE "t" ADD COLUMN "a" varchar(40) DEFAULT \'\' NOT NULL;',
        'ALTER TABLE "t" ADD COLUMN "a" timestamp with time zone NULL;',
        'ALTER TABLE "t" ADD CONSTRAINT "c" CHECK ("a" > 0) NOT VALID;',
        'ALTER TABLE "t" DROP CONSTRAINT "c";',
        'ALTER TABLE "new" ADD CONSTRAINT "c" FOREIGN KEY ("a") REFERENCES "t" ("id");',
    ],
)
def test_what_is_harmless_passes(statement: str) -> None:
    assert not list(locking([statement], {"t"}))
