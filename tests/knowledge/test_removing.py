"""A collection that is taken away: invisible at once, deleted in batches, by whoever comes next if a worker dies."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import override_settings

from agents_app.core import failpoints
from agents_app.knowledge import hints, indexing, ingest, removing, tasks
from agents_app.knowledge.ingesting import make_collection
from agents_app.knowledge.models import Chunk, ChunkVector, Collection, Document
from agents_app.knowledge.search import search
from agents_app.knowledge.storage import storage
from tests.knowledge.shelf import chunk, collection, made, shelve

pytestmark = pytest.mark.django_db


class Died(Exception):
    """As a process that is killed right there."""


@pytest.fixture(autouse=True)
def sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The hints for tasks."""
    found: list[tuple[str, ...]] = []
    monkeypatch.setattr(hints, "_async_task", lambda *given, **options: found.append(given))
    monkeypatch.setattr(removing, "CHUNKS", 4)
    monkeypatch.setattr(removing, "DOCUMENTS", 2)
    with override_settings(
        AGENTS_APP={**settings.AGENTS_APP, "KNOWLEDGE_FOLDER": str(tmp_path / "store"), "EXECUTOR": "django_q2"}
    ):
        yield found
        failpoints.listen(None)


def shelf_of(count: int) -> Collection:
    shelf = collection("shelf")
    texts = [(f"d{number}", "Lamps", "Lamps are refunded. " * 40) for number in range(count)]
    ChunkVector.objects.bulk_create(
        ChunkVector(chunk=each, embedder="e", dimension=1, vector=b"1234") for each in shelve(shelf, texts, size=80)
    )
    return shelf


def test_it_is_gone_for_everybody_at_once_and_deleted_in_batches(
    sent: list[tuple[str, ...]], django_capture_on_commit_callbacks: Any
) -> None:
    shelf = shelf_of(5)
    other = shelve(collection("other"), [("kept", "Kept", "Lamps stay.")])
    waiting = ingest("shelf", "Lamps to be read.", key="new").document
    stored = str(waiting.file)
    sent.clear()
    with django_capture_on_commit_callbacks(execute=True):
        removing.remove_collection(shelf)
    assert sent == [(hints.REMOVE, str(shelf.pk))]
    assert search("lamps", "shelf", user=None).hits == ()
    assert not indexing.read_document(waiting.pk)
    renewed = make_collection("shelf", public=True)
    assert search("lamps", "shelf", user=None).hits == ()
    # A worker dies half-way: what is left is still invisible, and the sweep repeats the hint.
    left: list[int] = []

    def die(name: str, about: object) -> None:
        left.append(Chunk.objects.filter(collection=shelf).count())
        if name == "collection.chunks_deleted" and len(left) == 3:
            raise Died

    failpoints.listen(die)
    before = Chunk.objects.filter(collection=shelf).count()
    tasks.remove_collection(str(shelf.pk))
    failpoints.listen(None)
    assert [before - count for count in left] == [4, 8, 12], "a few of them in each transaction"
    assert search("lamps", ["shelf", f"removed-{shelf.pk}"], user=None).hits == ()
    sent.clear()
    tasks.recover()
    assert (hints.REMOVE, str(shelf.pk)) in sent
    tasks.remove_collection(str(shelf.pk))
    assert set(Collection.objects.values_list("name", flat=True)) == {"other", "shelf"}
    assert list(Chunk.objects.all()) == other
    assert Document.objects.get().key == "kept"
    assert not ChunkVector.objects.exists()
    assert not storage().exists(stored)
    tasks.remove_collection(str(renewed.pk))
    assert Collection.objects.filter(pk=renewed.pk).exists(), "one that was not removed is never deleted"


def test_a_slice_that_is_over_leaves_the_rest_to_the_next(sent: list[tuple[str, ...]]) -> None:
    shelf = shelf_of(3)
    removing.remove_collection(shelf)
    assert not removing.clear(shelf.pk, seconds=-1)
    assert sent == [(hints.REMOVE, str(shelf.pk))]
    out = io.StringIO()
    call_command("agents_ingest", stdout=out)  # what a cron job without any queue does
    assert "Nothing waits." in out.getvalue()
    assert not Collection.objects.exists()


def test_what_was_added_meanwhile_goes_too() -> None:
    shelf = collection("shelf")
    removing.remove_collection(shelf)
    late = made(shelf, "late", "Late", "Lamps.", {})
    late.save()
    chunk(late, 1, 0, "Lamps.").save()
    assert removing.clear(shelf.pk)
    assert not Chunk.objects.exists()
