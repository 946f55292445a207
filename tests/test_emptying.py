"""After a test that committed the database is as new."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from agents_app.services import start_run
from agents_app.testing import AgentsKit
from tests import emptying, office
from tests.emptying import empty, filled, rows_of


def everything() -> dict[str, Any]:
    return {table: rows_of(connection.alias, table) for table in filled(connection.alias)}


@pytest.fixture
def before(transactional_db: None) -> dict[str, Any]:
    return everything()


def test_what_came_goes_and_nothing_else(before: dict[str, Any], agents: AgentsKit) -> None:
    with office.open_office():
        agents.scripted_llm(office.Clerk, "Done.")
        start_run(office.Clerk, "go", user=office.decider())
        agents.run_until_idle()
    Permission.objects.create(codename="sing", name="May sing", content_type=ContentType.objects.earliest("pk"))
    assert len(everything()) > len(before) > 0
    assert empty(connection.alias)
    assert everything() == before


def test_what_was_changed_or_lost_is_noticed(before: dict[str, Any]) -> None:
    lost = Permission.objects.earliest("pk")
    lost.name = "Something else"
    lost.save()
    Group.objects.create(name="friends")
    assert not empty(connection.alias)
    assert not Group.objects.exists()
    Permission.objects.all().delete()
    assert not empty(connection.alias)


@pytest.mark.parametrize("which", ["first", "second"])
def test_each_finds_it_as_new(transactional_db: None, which: str) -> None:
    """Whichever comes later finds nothing of the other, which leaves the slow way to do."""
    assert everything() == emptying._as_new[connection.alias]
    Permission.objects.all().delete()
    Group.objects.create(name=which)
