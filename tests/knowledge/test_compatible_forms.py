"""What was indexed before words were indexed in their compatible form is indexed anew by the migration."""

from collections.abc import Iterator

import pytest
from django.core.management import call_command

from agents_app.knowledge.models import Collection
from agents_app.knowledge.search import search
from tests.knowledge.shelf import collection, shelve

pytestmark = pytest.mark.django_db(transaction=True)
WIDE = "\uff2d\uff41\uff52\uff47\uff49\uff4e"


def migrate(to: str = "") -> None:
    call_command("migrate", "agents_knowledge", *filter(None, [to]), verbosity=0, interactive=False)


@pytest.fixture
def before() -> Iterator[Collection]:
    """As it was, with a passage in it."""
    made = collection()
    shelve(made, [("wide", "Lamps", f"{WIDE} of a lamp")])
    try:
        migrate("0004")
        yield made
    finally:
        migrate()


def found(query: str) -> list[str]:
    return [hit.key for hit in search(query, "handbook", user=None, mode="text")]


def test_what_is_there_is_indexed_anew(before: Collection) -> None:
    assert (found("margin"), found("lamp")) == ([], ["wide"])
    migrate()
    assert (found("margin"), found("lamp")) == (["wide"], ["wide"])
    before.delete()
    assert found("margin") == []
