"""A copy of the migrated database is like the one that it was made of."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connection

from tests import migrated

pytestmark = [pytest.mark.sqlite_only, pytest.mark.django_db(transaction=True)]


def made_of(path: Path | str) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name").fetchall()


def test_the_first_keeps_it_and_the_next_takes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTS_TEST_SQLITE_COPY", str(tmp_path / "copy.sqlite3"))
    with migrated.copied() as found:
        assert not found
    monkeypatch.setattr(migrated, "_name_to_be", lambda: str(tmp_path / "next.sqlite3"))
    with migrated.copied() as found:
        assert found
    tables = made_of(tmp_path / "next.sqlite3")
    assert tables == made_of(str(connection.settings_dict["NAME"]))
    assert len(tables) > 50


def test_without_a_place_to_keep_it_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AGENTS_TEST_SQLITE_COPY", raising=False)
    with migrated.copied() as found:
        assert not found
