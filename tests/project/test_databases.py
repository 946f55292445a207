from pathlib import Path

import pytest
from django.db import connection

from project.databases import postgresql, sqlite

pytestmark = pytest.mark.once


def test_url_with_everything() -> None:
    found = postgresql("postgresql://us%40er:p%2Fw@db.example:5433/shop?sslmode=require")
    assert (found["USER"], found["PASSWORD"], found["NAME"]) == ("us@er", "p/w", "shop")
    assert (found["HOST"], found["PORT"], found["OPTIONS"]) == ("db.example", 5433, {"sslmode": "require"})


def test_url_of_a_socket() -> None:
    found = postgresql("postgresql://postgres:@/?host=/run/pg")
    assert (found["HOST"], found["PORT"], found["NAME"], found["OPTIONS"]) == ("/run/pg", "", "postgres", {})


@pytest.mark.parametrize("url", ["mysql://localhost/shop", "shop.sqlite3", ""])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="expected postgresql://"):
        postgresql(url)


def test_sqlite_waits_for_the_writer_and_takes_the_lock_first() -> None:
    found = sqlite(Path("shop.sqlite3"))
    assert found["NAME"] == "shop.sqlite3"
    assert (found["OPTIONS"]["transaction_mode"], found["OPTIONS"]["timeout"]) == ("IMMEDIATE", 20)


@pytest.mark.sqlite_only
@pytest.mark.django_db
@pytest.mark.parametrize(("pragma", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("busy_timeout", 20000)])
def test_sqlite_is_opened_so_that_commits_last(pragma: str, value: object) -> None:
    with connection.cursor() as cursor:
        assert cursor.execute(f"PRAGMA {pragma}").fetchone() == (value,)
