"""A document gets a new content while people search: each search finds all of the old one, or all of the new one."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import close_old_connections, connections
from django.test import override_settings

from agents_app.knowledge import indexing, ingest
from agents_app.knowledge.ingesting import make_collection
from agents_app.knowledge.search import search, searching

PARAGRAPHS = 6
ROUNDS = 12


@pytest.fixture(autouse=True)
def shelf(db: None, tmp_path: Path) -> Iterator[None]:
    with override_settings(
        AGENTS_APP={
            **settings.AGENTS_APP,
            "KNOWLEDGE_FOLDER": str(tmp_path / "store"),
            "KNOWLEDGE_CHUNK": 200,
            "EXECUTOR": "django_q2",
        }
    ):
        make_collection("shelf", public=True)
        yield


def put(number: int) -> None:
    """A content of so many passages, each of which says which one it is."""
    text = "\n\n".join(
        f"# Part {part}\n\nEdition{number} of lamps. " + "Some words. " * 12 for part in range(PARAGRAPHS)
    )
    assert indexing.read_document(ingest("shelf", text, key="lamps.md").document.pk)


def editions() -> list[str]:
    """Of each passage that is found."""
    return [hit.text.split("Edition")[1].split()[0] for hit in search("lamps", "shelf", user=None, top_k=50)]


def test_what_goes_between_ranking_and_reading_is_looked_for_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    put(1)
    ranked, taken = searching.by_words, []

    def by_words(*given: Any) -> Any:
        found = ranked(*given)
        if not taken:
            taken.append(True)
            put(2)
        return found

    monkeypatch.setattr(searching, "by_words", by_words)
    assert editions() == ["2"] * PARAGRAPHS


@pytest.mark.postgresql_only  # SQLite lets one write at a time, and tests of it share a connection
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("transactional_db")
def test_every_search_finds_one_whole_content() -> None:
    put(0)
    over, found, failures = threading.Event(), [], []

    def look() -> None:
        close_old_connections()
        try:
            while not over.is_set():
                found.append(editions())
        except Exception as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for number in range(1, ROUNDS + 1):
            put(number)
    finally:
        over.set()
        for thread in threads:
            thread.join(60)
    assert not failures
    assert found
    assert [each for each in found if len(each) != PARAGRAPHS or len(set(each)) != 1] == []
