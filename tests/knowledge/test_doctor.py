"""What agents_doctor says of knowledge: what is sound, what is not, what to do."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.test import override_settings
from django_q.models import Schedule

from agents_app.exceptions import EmbeddingError
from agents_app.knowledge import doctor, hints, ingest, vector_index
from agents_app.knowledge.embedding import embed_collection, sweep
from agents_app.knowledge.indexing import LATE_SECONDS, read_document
from agents_app.knowledge.ingesting import make_collection
from agents_app.knowledge.models import ChunkVector, Collection, Document, SourceChange
from agents_app.management.doctor import database
from agents_app.models import clock, database_now
from tests.management.desk import manage

pytestmark = pytest.mark.django_db
FINE = "agents_app.testing.embedder.HashingEmbedder"
LATER = timedelta(seconds=LATE_SECONDS + 1)


class Picky:
    """An embedder that is down, or makes vectors of another length."""

    size: int | None = None
    asked = 0

    def embed(self, texts: Sequence[str], *, kind: str) -> list[list[float]]:
        Picky.asked += 1
        if Picky.size is None:
            raise EmbeddingError("no answer", code="connection", transient=True)
        return [[1.0] * Picky.size for _ in texts]


class Broken:
    """An embedder that cannot be made."""

    def __init__(self) -> None:
        raise RuntimeError("no weights")


PICKY, BROKEN = f"{__name__}.Picky", f"{__name__}.Broken"


def ours(**changes: Any) -> Any:
    return override_settings(AGENTS_APP={**settings.AGENTS_APP, **changes})


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Collection]:
    monkeypatch.setattr(Picky, "size", None)
    monkeypatch.setattr(Picky, "asked", 0)
    monkeypatch.setattr(hints, "_async_task", lambda *given, **options: None)
    with ours(KNOWLEDGE_FOLDER=str(tmp_path / "store"), EXECUTOR="django_q2", EMBEDDER=""):
        yield make_collection("shelf")


def examine(*arguments: str) -> dict[str, list[tuple[str, str, str]]]:
    found: dict[str, list[tuple[str, str, str]]] = {}
    for one in manage("agents_doctor", "--json", *arguments).json:
        found.setdefault(one["subject"], []).append((one["level"], one["text"], one["advice"]))
    for each in found.values():
        assert all(level == "ok" or advice for level, _, advice in each)
    return found


def read(text: str = "Within 30 days.", key: str = "a.txt") -> Document:
    row = ingest("shelf", text, key=key).document
    read_document(row.pk)
    return Document.objects.get(pk=row.pk)


def embed(shelf: Collection) -> None:
    sweep()
    embed_collection(shelf.pk)


def test_what_is_sound(shelf: Collection) -> None:
    read()
    Schedule.objects.get_or_create(func="agents_app.knowledge.tasks.recover")
    with ours(EMBEDDER=FINE):
        embed(shelf)
        found = examine()
    told = [
        ("knowledge", "1 collection, 1 document, 1 passage to be found"),
        ("text index", "passages are found by their words"),
        (f"embedder {FINE}", "searched in 1 collection, vectors of 256 numbers; --call-llm asks it for a vector"),
        ("vectors", "no passages wait for theirs"),
        ("documents", "no documents wait to be read"),
    ]
    for subject, text in told:
        assert found[subject] == [("ok", text, "")]
    assert not {"changed rows", "sweep of knowledge"} & set(found)


def test_a_removed_collection_is_not_told_of(shelf: Collection) -> None:
    read("", key="empty.txt")
    Collection.objects.update(removed_at=database_now(), embedding_error="no answer", embedder="gone.Embedder")
    with ours(EMBEDDER=FINE):
        found = examine()
    assert found["knowledge"][0][1] == "no collections, no documents, no passages to be found"
    assert found["documents"] == [("ok", "no documents wait to be read", "")]
    assert not {"embedder gone.Embedder", "vectors of shelf"} & set(found)


def test_where_the_app_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = apps.is_installed
    monkeypatch.setattr(apps, "is_installed", lambda name: name != "agents_app.knowledge" and installed(name))
    assert not {"knowledge", "text index", "documents"} & set(examine())


def test_migrations_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Migration:
        name, app_label = "0009_more", "agents_knowledge"

    asked: list[Any] = []
    monkeypatch.setattr(
        database.MigrationExecutor,
        "migration_plan",
        lambda self, leaves: asked.extend(leaves) or [(Migration, False)],
    )
    assert examine()["migrations"][0][:2] == ("broken", "Migrations are missing: agents_knowledge.0009_more.")
    assert {label for label, _ in asked} == {"agents_app", "agents_knowledge"}


def test_an_index_of_words_that_is_gone() -> None:
    drop = {"sqlite": "DROP TRIGGER agents_knowledge_text_update", "postgresql": "DROP INDEX agents_k_chunk_searchable"}
    with connection.cursor() as cursor:
        cursor.execute(drop[connection.vendor])
    level, text, _ = examine()["text index"][0]
    assert (level, drop[connection.vendor].rpartition(" ")[2] in text) == ("broken", True)


class TestEmbedders:
    def test_none(self, shelf: Collection) -> None:
        assert examine()["embedder"] == [("ok", "none is configured: full text alone is searched", "")]
        read()
        with ours(EMBEDDER=FINE):
            embed(shelf)
        level, text, _ = examine()["embedder"][0]
        assert (level, text) == ("warning", "None is configured: the vectors of 1 collection are not searched.")

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("no.such.Embedder", "cannot be imported"),
            ("oracle:x", "there is no provider"),
            ({"embedder": "openai:x", "size": 3}, "unknown keys"),
            (BROKEN, "no weights"),
        ],
        ids=str,
    )
    def test_one_that_cannot_be_used(self, name: Any, text: str) -> None:
        with ours(EMBEDDER=name):
            done = manage("agents_doctor", "--json")
            found = examine()
        assert (found["embedder"][0][0], text in found["embedder"][0][1], done.code) == ("broken", True, 1)
        assert "documents" in found, "what comes behind it is looked at"
        assert all(level == "ok" for level, _, _ in found.get("vectors", [])), "it is told once"

    def test_it_is_asked_only_if_wanted(self) -> None:
        with ours(EMBEDDER=PICKY):
            assert examine()[f"embedder {PICKY}"][0][0] == "ok"
            assert Picky.asked == 0
            level, text, _ = examine("--call-llm")[f"embedder {PICKY}"][0]
            assert (level, "no answer" in text) == ("broken", True)
            Picky.size = 3
            assert "made one in " in examine("--call-llm")[f"embedder {PICKY}"][0][1]

    def test_one_whose_vectors_do_not_fit_those_that_are_there(self, shelf: Collection) -> None:
        read()
        Picky.size = 3
        with ours(EMBEDDER=PICKY):
            embed(shelf)
            Picky.size = 5
            assert examine()[f"embedder {PICKY}"][0][0] == "ok"
            level, text, _ = examine("--call-llm")[f"embedder {PICKY}"][0]
            assert (level, "made a vector of 5 numbers where 3 are searched" in text) == ("broken", True)
            chunk = ChunkVector.objects.get().chunk
            read("Another.", key="b.txt")
            other = ChunkVector(chunk=read("One more.", key="c.txt").chunks.get(), embedder=PICKY, dimension=5)
            other.vector = ChunkVector.objects.get(chunk=chunk).vector
            other.save()
            level, text, _ = examine()[f"embedder {PICKY}"][0]
            assert (level, "vectors have 3 and 5 numbers" in text) == ("broken", True)

    def test_the_one_that_is_searched_until_another_takes_over(self, shelf: Collection) -> None:
        Collection.objects.update(embedder="gone.Embedder")
        with ours(EMBEDDER=FINE):
            found = examine()
        assert found[f"embedder {FINE}"][0][0] == "ok"
        level, text, _ = found["embedder gone.Embedder"][0]
        assert (level, "searched in 1 collection" in text, "cannot be imported" in text) == ("broken", True, True)


def test_vectors_that_wait_or_failed(shelf: Collection) -> None:
    with ours(EMBEDDER=PICKY):
        read()
        assert examine()["vectors"] == [("ok", "1 passage waits for theirs", "")]
        with clock.moved(LATER):
            level, text, _ = examine()["vectors"][0]
            assert (level, "1 collection are due and not made, the oldest for 12" in text) == ("warning", True)
        embed(shelf)
        level, text, advice = examine()["vectors of shelf"][0]
    assert (level, text) == ("warning", "no answer (connection)")
    assert "agents_ingest" in advice


def test_documents_that_wait_or_cannot_be_read(shelf: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    row = ingest("shelf", "Text.", key="b.txt").document
    assert examine()["documents"] == [("ok", "1 document waits to be read", "")]
    with clock.moved(LATER):
        [(level, text, _)] = examine()["documents"]
        assert (level, "1 document is due and not taken, the oldest for 12" in text) == ("warning", True)
    with monkeypatch.context() as down:
        down.setattr("agents_app.knowledge.indexing.as_file", lambda document: 1 / 0)
        assert not read_document(row.pk)
    [(level, text, _)] = examine()["documents"]
    assert (level, "1 document could not be read yet, the first b.txt: ZeroDivisionError" in text) == ("warning", True)
    Document.objects.all().delete()
    read(" ")
    assert examine()["documents"][0][:2] == ("warning", "1 document cannot be read, in shelf (1).")


def test_changed_rows_that_wait_or_were_refused() -> None:
    SourceChange.objects.create(
        source="shop.Customer",
        key="1",
        due_at=database_now(),
        error="A document's key has 1 to %(limit)s characters.",
        error_values={"limit": 500},
    )
    [(level, text, _)] = examine()["changed rows"]
    assert (level, text) == (
        "warning",
        "1 changed row could not be accepted, the first shop.Customer 1: A document's key has 1 to 500 characters.",
    )
    with clock.moved(LATER):
        assert "1 changed row is due and not taken, the oldest for 12" in examine()["changed rows"][1][1]


def test_a_sweep_that_is_not_scheduled() -> None:
    Schedule.objects.filter(func="agents_app.knowledge.tasks.recover").delete()
    assert examine()["sweep of knowledge"][0][0] == "warning"
    with ours(EXECUTOR="immediate"):
        assert "sweep of knowledge" not in examine()


@pytest.mark.postgresql_only
def test_vectors_without_an_index(shelf: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    read()
    with ours(EMBEDDER=FINE):
        embed(shelf)
    none = "none: 1 vector of 256 numbers, compared one by one"
    assert examine()["vector index"] == [("ok", none, "")]
    monkeypatch.setattr(doctor, "FEW", 0)
    level, text, advice = examine()["vector index"][0]
    assert (level, text) == ("warning", "1 vectors of 256 numbers are compared one by one.")
    assert "agents_knowledge_setup" in advice
    monkeypatch.setattr(vector_index, "LARGEST", 255)
    assert "ask the embedder for fewer" in examine()["vector index"][0][2]
    monkeypatch.setattr(vector_index, "has_index", lambda size: True)
    monkeypatch.setattr(vector_index, "has_column", lambda: True)
    monkeypatch.setattr(vector_index, "missing", lambda: 2)
    assert [each[:2] for each in examine()["vector index"]] == [
        ("warning", "2 vectors are not in pgvector's column, and not found."),
        ("ok", "1 vector of 256 numbers"),
    ]
