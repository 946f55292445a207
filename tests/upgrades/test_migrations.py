"""Migrations on a filled database: nothing is lost on the way forwards or backwards, and everything goes when asked."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, migrations, models
from django.db.migrations.state import ModelState, ProjectState

from agents_app.migrations import _gentle

ROOT = Path(__file__).parents[2]


@pytest.fixture
def empty_database(tmp_path: Path, django_db_blocker: pytest.FixtureDef[object]) -> Iterator[dict[str, str]]:
    """The environment for a process with a database of its own, of the kind that is tested now."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": settings.SETTINGS_MODULE, "PYTHONPATH": str(ROOT)}
    if connection.vendor != "postgresql":
        yield {**environment, "AGENTS_TEST_SQLITE": str(tmp_path / "filled.sqlite3")}
        return
    name = f"filled_{uuid.uuid4().hex}"
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
        yield {**environment, "AGENTS_TEST_PG_NAME": name}
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_forwards_backwards_and_away(empty_database: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.upgrades.filled"],
        cwd=ROOT,
        env=empty_database,
        capture_output=True,
        text=True,
        timeout=1780,
    )
    assert done.stdout.endswith("all is well\n"), done.stdout + done.stderr


# A check that is replaced.


def check(*words: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=models.Q(word__in=words), name="word_is_one_of")


@pytest.fixture
def row_table(transactional_db: None) -> Iterator[ProjectState]:
    """A table with a check, and a row in it."""
    fields = [("id", models.BigAutoField(primary_key=True)), ("word", models.CharField(max_length=9))]
    state = ProjectState()
    state.add_model(ModelState("agents_app", "WordRow", fields, {"constraints": [check("old")]}))
    row = state.apps.get_model("agents_app", "WordRow")
    with connection.schema_editor() as editor:
        editor.create_model(row)
    row.objects.create(word="old")
    yield state
    with connection.schema_editor() as editor:
        editor.delete_model(row)


def moved(state: ProjectState, operation: migrations.operations.base.Operation, *, back: bool = False) -> ProjectState:
    after = state.clone()
    operation.state_forwards("agents_app", after)
    with connection.schema_editor() as editor:
        if back:
            operation.database_backwards("agents_app", editor, after, state)
        else:
            operation.database_forwards("agents_app", editor, state, after)
    return after


def test_a_check_is_replaced_and_put_back(row_table: ProjectState) -> None:
    operation = _gentle.ReplaceCheck("wordrow", check("old", "new"))
    after = moved(row_table, operation)
    row = after.apps.get_model("agents_app", "WordRow")
    row.objects.create(word="new")
    with pytest.raises(Exception, match="word_is_one_of"):
        row.objects.create(word="other")
    assert set(row.objects.values_list("word", flat=True)) == {"old", "new"}
    row.objects.filter(word="new").delete()
    moved(row_table, operation, back=True)
    with pytest.raises(Exception, match="word_is_one_of"):
        row.objects.create(word="new")


@pytest.mark.postgresql_only
def test_the_rows_are_not_read_again(row_table: ProjectState) -> None:
    moved(row_table, _gentle.ReplaceCheck("wordrow", check("old", "new")))
    with connection.cursor() as cursor:
        cursor.execute("SELECT convalidated FROM pg_constraint WHERE conname = 'word_is_one_of'")
        assert cursor.fetchall() == [(False,)]
