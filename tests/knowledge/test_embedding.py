"""Vectors follow their documents: resumable, with an embedder that fails, changes its dimension, or is another one."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from agents_app.exceptions import EmbeddingError
from agents_app.knowledge import embedding, hints, indexing, ingest, tasks
from agents_app.knowledge.ingesting import make_collection
from agents_app.knowledge.models import Chunk, ChunkVector, Collection, Document
from agents_app.knowledge.search import search
from agents_app.models import clock

pytestmark = pytest.mark.django_db


class Fake:
    """An embedder that counts what it is asked, and does what the test says."""

    asked: list[int] = []
    fails_after: int | None = None
    size = 3

    def embed(self, texts: Sequence[str], *, kind: str) -> list[list[float]]:
        if Fake.fails_after is not None and len(Fake.asked) >= Fake.fails_after:
            raise ConnectionError("no route to the embedder")
        Fake.asked.append(len(texts))
        return [[1.0, float(len(text)), *[1.0] * (Fake.size - 2)] for text in texts]


class Other(Fake):
    """Another one."""


FAKE, OTHER = f"{__name__}.Fake", f"{__name__}.Other"


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Collection]:
    """A collection with six documents, which can be found by full text."""
    monkeypatch.setattr(Fake, "asked", [])
    monkeypatch.setattr(Fake, "fails_after", None)
    monkeypatch.setattr(Fake, "size", 3)
    monkeypatch.setattr(hints, "_async_task", lambda *given, **options: None)
    with configured("", tmp_path):
        shelf = make_collection("shelf")
        for number in range(6):
            indexing.read_document(ingest(shelf, f"Words of document {number}.", key=f"{number}.txt").document.pk)
    with configured(FAKE, tmp_path):
        yield shelf


def configured(embedder: str, place: Path | None = None) -> Any:
    given = {"EXECUTOR": "django_q2", "EMBEDDER": embedder, "EMBEDDING_BATCH": 2}
    if place is not None:
        given["KNOWLEDGE_FOLDER"] = str(place / "store")
    return override_settings(AGENTS_APP={**settings.AGENTS_APP, **given})


def run(shelf: Collection, **more: Any) -> Collection:
    embedding.sweep()
    embedding.embed_collection(shelf.pk, **more)
    return Collection.objects.get(pk=shelf.pk)


def count(embedder: str) -> int:
    return ChunkVector.objects.filter(embedder=embedder).count()


def test_vectors_follow_in_batches(shelf: Collection) -> None:
    row = run(shelf)
    assert (row.embedder, row.next_embedder, row.embedding_due_at, count(FAKE)) == (FAKE, "", None, 6)
    assert Fake.asked == [2, 2, 2]
    run(shelf)
    assert Fake.asked == [2, 2, 2]


def test_without_an_embedder_it_is_full_text(shelf: Collection) -> None:
    with configured(""):
        embedding.due(shelf.pk)
        assert embedding.sweep() == 0
        row = run(shelf)
    assert (row.embedder, row.embedding_due_at, Fake.asked) == ("", None, [])


def test_new_documents_and_new_contents(shelf: Collection) -> None:
    run(shelf)
    indexing.read_document(ingest(shelf, "A new one.", key="new.txt").document.pk)
    indexing.read_document(ingest(shelf, "Another content.", key="0.txt").document.pk)
    assert Collection.objects.get().embedding_due_at is not None
    row = run(shelf)
    assert (row.embedding_due_at, count(FAKE), sum(Fake.asked)) == (None, 7, 8)


def test_an_embedder_that_fails_half_way_is_asked_again_for_the_rest(shelf: Collection) -> None:
    Fake.fails_after = 2
    row = run(shelf)
    assert (row.embedder, row.next_embedder, count(FAKE)) == ("", FAKE, 4)
    assert row.embedding_error
    assert Chunk.objects.current().count() == 6
    Fake.fails_after = None
    assert run(shelf).embedder == ""  # not yet
    with clock.moved(by=timedelta(seconds=embedding.LATER_SECONDS + 1)):
        row = run(shelf)
    assert (row.embedder, row.embedding_error, count(FAKE), sum(Fake.asked)) == (FAKE, "", 6, 6)


def test_another_embedder_does_not_wait_for_one_that_failed(shelf: Collection) -> None:
    Fake.fails_after = 0
    assert run(shelf).embedding_error
    Fake.fails_after = None
    with configured(OTHER):
        row = run(shelf)
    assert (row.embedder, row.embedding_error, row.embedding_due_at, count(OTHER)) == (OTHER, "", None, 6)


def test_an_embedder_that_changes_its_dimension_is_told(shelf: Collection) -> None:
    run(shelf)
    Fake.size = 5
    indexing.read_document(ingest(shelf, "A new one.", key="new.txt").document.pk)
    row = run(shelf)
    assert row.embedder == FAKE
    assert row.embedding_error_code == "dimension_changed"
    assert set(ChunkVector.objects.values_list("dimension", flat=True)) == {3}
    assert Document.objects.filter(state="ready").count() == 7


def test_a_question_of_another_dimension_is_told_and_full_text_goes_on(shelf: Collection) -> None:
    Collection.objects.update(public=True)
    run(shelf)
    Fake.size = 5
    with pytest.raises(EmbeddingError, match="made a vector of 5 numbers where 3 are searched") as raised:
        search("Words of document 3", collections="shelf", user=None, mode="vectors")
    assert raised.value.code == "dimension_changed"
    found = search("Words of document 3", collections="shelf", user=None)
    assert (found.mode, found.error, found.hits[0].key) == ("text", "dimension_changed", "3.txt")
    assert "full text only" in found.notes[0]


def test_a_question_whose_filters_leave_nothing_is_no_fault_of_the_embedder(shelf: Collection) -> None:
    Collection.objects.update(public=True)
    run(shelf)
    found = search("Words", collections="shelf", user=None, mode="vectors", filters={"lang": "en"})
    assert (found.mode, found.error, found.hits) == ("vectors", None, ())


def test_another_embedder_takes_over_when_all_its_vectors_are_there(shelf: Collection) -> None:
    run(shelf)
    with configured(OTHER):
        Fake.fails_after = len(Fake.asked) + 1
        row = run(shelf)
        assert (row.embedder, row.next_embedder, count(FAKE), count(OTHER)) == (FAKE, OTHER, 6, 2)
        Fake.fails_after = None
        with clock.moved(by=timedelta(seconds=embedding.LATER_SECONDS + 1)):
            row = run(shelf)
    assert (row.embedder, row.next_embedder, count(FAKE), count(OTHER)) == (OTHER, "", 0, 6)


def test_a_slice_that_is_over_goes_on(shelf: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "BATCH", 2)
    counts = []
    for _ in range(4):
        run(shelf, seconds=0)
        counts.append(count(FAKE))
    assert counts[:3] == [2, 4, 6]
    tasks.embed_collection(str(shelf.pk))
    assert Collection.objects.get().embedder == FAKE


def test_what_becomes_due_meanwhile_is_not_lost(shelf: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = embedding.embed_chunks
    added: list[Any] = []

    def meanwhile(chunks: Any, name: str) -> int:
        if not added:
            added.append(ingest(shelf, "Meanwhile.", key="m.txt").document)
            indexing.read_document(added[0].pk)
        return whole(chunks, name)

    monkeypatch.setattr(embedding, "embed_chunks", meanwhile)
    run(shelf)
    assert count(FAKE) == 7


def test_two_passes_do_no_harm(shelf: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    embedding.sweep()
    assert embedding.embed_collection(shelf.pk)
    assert not embedding.embed_collection(shelf.pk)
    shelf.delete()
    tasks.embed_collection(str(shelf.pk))
    assert issubclass(EmbeddingError, Exception)
