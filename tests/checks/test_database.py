"""What the database itself says of its durability is told as a warning."""

from typing import Any
from unittest.mock import Mock

import pytest
from django.db import OperationalError, connection

from agents_app.checks import check_durability
from agents_app.checks import database as checked
from agents_app.selectors.durability import weaknesses

pytestmark = pytest.mark.django_db


def ids() -> list[str]:
    return [str(message.id) for message in check_durability(databases=["default"])]


@pytest.mark.postgresql_only
def test_postgresql_is_asked_what_holds_whoever_set_it() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
    assert "agents_app.W104" in ids()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = on")
    assert "agents_app.W104" not in ids()


@pytest.mark.postgresql_only
def test_locks_of_hosts_that_vanish_are_spoken_of() -> None:
    for value, told in (("0", True), ("60s", False)):
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = %s", [value])
        assert ("agents_app.I104" in ids()) is told


def test_what_may_corrupt_has_a_warning_of_its_own() -> None:
    settings = [("fsync", "off"), ("full_page_writes", "off"), ("synchronous_commit", "local")]
    fake = Mock(vendor="postgresql")
    cursor = Mock(fetchall=lambda: settings)
    fake.cursor.return_value.__enter__ = lambda _: cursor
    fake.cursor.return_value.__exit__ = lambda *_: None
    found = list(weaknesses(fake))
    assert [(each.corrupts, each.instead) for each in found] == [(True, "fsync=on"), (True, "full_page_writes=on")]


@pytest.mark.sqlite_only
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("pragma", "found"),
    [
        ("synchronous=NORMAL", ["agents_app.W104"]),
        ("synchronous=OFF", ["agents_app.W105"]),
        ("synchronous=FULL", []),
        ("synchronous=EXTRA", []),
    ],
)
def test_sqlite_is_asked_too(pragma: str, found: list[str]) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA {pragma}")
        assert ids() == found
    finally:
        connection.close()


def test_only_our_database_is_asked_and_one_that_is_away_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(connection: Any) -> Any:
        raise OperationalError

    monkeypatch.setattr(checked, "weaknesses", away)
    assert check_durability(databases=["default"]) == []
    assert check_durability(databases=None) == []
    assert check_durability(databases=["other"]) == []
