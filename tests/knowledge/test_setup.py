"""pgvector's column and index: made by a command, never by a migration, and searched as soon as they are there."""

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from agents_app.exceptions import AgentsError
from agents_app.knowledge import embedding, vector_index
from agents_app.knowledge.embedding import embed_collection
from agents_app.knowledge.models import Chunk, Collection
from agents_app.knowledge.search import Hit, search
from agents_app.models import database_now
from agents_app.testing import HashingEmbedder
from tests.knowledge.shelf import collection, embed_all, shelve

OWN = "agents_app.testing.embedder.HashingEmbedder"
FEW, MANY = 5, 600


def set_up(**options: Any) -> dict[str, Any]:
    out = io.StringIO()
    call_command("agents_knowledge_setup", json=True, stdout=out, **options)
    result: dict[str, Any] = json.loads(out.getvalue())
    return result


def execute(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.fixture
def pgvector() -> Iterator[None]:
    yield
    execute("ALTER TABLE agents_knowledge_chunkvector DROP COLUMN IF EXISTS embedding", "RESET enable_seqscan")


@pytest.mark.sqlite_only
@pytest.mark.django_db
def test_on_sqlite_there_is_nothing_to_set_up() -> None:
    assert set_up() == {"vectors": 0, "dimensions": []}
    assert not vector_index.has_column()
    assert not vector_index.has_index(256)


@pytest.mark.postgresql_only
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("pgvector")
@pytest.mark.parametrize("several", [True, False])
@override_settings(AGENTS_APP={"EMBEDDER": OWN, "LIVE": "poll"})
def test_vectors_are_searched_by_the_index_and_filters_leave_as_many_as_asked_for(
    several: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not several:
        monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"server_side_binding": True})
    closed, handbook = collection("closed", public=False), collection()
    shelve(closed, [(f"s{number}", "Lamps", f"The margin on lamp {number}.") for number in range(MANY)])
    shelve(handbook, [(f"o{number}", "Zebras", f"Stripes of zebra {number}.") for number in range(FEW)])
    embed_all(closed, OWN)
    exact = found(handbook)
    assert set_up() == {"vectors": MANY, "dimensions": [256]}
    assert vector_index.has_index(256)
    embed_all(handbook, OWN)  # from now on each vector is written in both forms
    assert vector_index.missing() == 0
    execute("SET enable_seqscan = off")
    # The nearest are all closed: the index is read on until there are enough that may be seen.
    assert exact == []
    assert sorted(found(handbook)) == [f"o{number}" for number in range(FEW)]
    nearest = search("Stripes of zebra 3.", "handbook", user=None, mode="vectors", top_k=2)
    assert nearest.hits[0].key == "o3"
    assert nearest.hits[0].vector_score == pytest.approx(nearest.hits[0].score)
    assert setting() == "off"  # it was set for the searches alone
    assert set_up() == {"vectors": 0, "dimensions": [256]}


@pytest.mark.postgresql_only
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("pgvector")
@override_settings(AGENTS_APP={"EMBEDDER": OWN, "LIVE": "poll"})
def test_a_search_by_the_index_is_two_messages_and_gives_what_one_without_it_gives() -> None:
    handbook = collection()
    words = ["zebras", "have", "stripes", "nobody", "knows"]
    shelve(handbook, [(f"o{number}", "Zebras", " ".join(words[: number + 1])) for number in range(FEW)], lang="en")
    Chunk.objects.update(page=7)
    embed_all(handbook, OWN)
    set_up()
    execute("SET enable_seqscan = off")
    asked: Any = {"query": "Zebras have stripes", "collections": "handbook", "user": None, "mode": "vectors"}
    with CaptureQueriesContext(connection) as queries:
        found = search(**asked)
    assert len(queries) == 2
    assert "<=>" in queries[1]["sql"]
    assert (found.hits[0].source, found.hits[0].metadata) == ("Zebras, p. 7", {"lang": "en"})
    both = search(**{**asked, "mode": "fused"})
    execute("DROP INDEX agents_k_vector_hnsw_256")  # one that goes is missed by the next search
    for one, by_hand in ((found, search(**asked)), (both, search(**{**asked, "mode": "fused"}))):
        assert [cut(hit) for hit in one] == [cut(hit) for hit in by_hand]


def cut(hit: Hit) -> Hit:
    """With cosines that do not differ by how they were computed."""
    cosine = round(hit.vector_score or 0.0, 5)
    return replace(hit, vector_score=cosine, score=round(hit.score, 5))


def setting() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW hnsw.iterative_scan")
        return str(cursor.fetchone()[0])


def found(handbook: Collection) -> list[str]:
    result = search("The margin on lamp 7.", ["handbook", "closed"], user=None, mode="vectors", top_k=FEW)
    return [hit.key for hit in result]


@pytest.mark.postgresql_only
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("pgvector")
def test_an_index_can_be_made_before_there_are_vectors_and_for_several_dimensions() -> None:
    assert set_up(dimension=[8, 384])["dimensions"] == [8, 384]
    assert vector_index.has_index(8)
    assert not vector_index.has_index(16)


@pytest.mark.postgresql_only
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("pgvector")
def test_an_index_is_made_with_the_memory_that_was_named(monkeypatch: pytest.MonkeyPatch) -> None:
    before, meanwhile, make = memory(), [], vector_index.make_index
    monkeypatch.setattr(vector_index, "make_index", lambda size: (meanwhile.append(memory()), make(size)))
    assert set_up(dimension=[8], memory="77MB")["dimensions"] == [8]
    assert set_up(dimension=[8])["dimensions"] == [8]
    assert (meanwhile, memory()) == (["77MB", before], before)
    with pytest.raises(CommandError, match="“lots” is no size of memory"):
        set_up(memory="lots")


def memory() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW maintenance_work_mem")
        return str(cursor.fetchone()[0])


@pytest.mark.postgresql_only
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("pgvector")
def test_what_pgvector_cannot_index_is_told() -> None:
    with pytest.raises(CommandError, match="at most 2000 numbers"):
        set_up(dimension=[3072])


@pytest.mark.postgresql_only
@pytest.mark.django_db
def test_the_command_does_not_run_inside_a_transaction() -> None:
    with pytest.raises(CommandError, match="transaction"):
        set_up()


@pytest.mark.django_db
def test_without_the_extension_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(sql: str) -> None:
        raise ProgrammingError('extension "vector" is not available')

    monkeypatch.setattr(vector_index, "_do", refuse)
    with pytest.raises(AgentsError, match="CREATE EXTENSION vector") as refused:
        vector_index.make_column()
    assert refused.value.code == "no_pgvector"


class Short:
    """An embedder with short vectors."""

    asked = 0
    size = 64

    def embed(self, texts: Sequence[str], *, kind: str) -> list[list[float]]:
        Short.asked += len(texts) * (kind == "document")
        made = HashingEmbedder().embed(texts, kind="document")
        return [numbers[: self.size] for numbers in made]


class Long(Short):
    """Another one, whose vectors are longer."""

    size = 256


SHORT, LONG = f"{__name__}.Short", f"{__name__}.Long"


def embedded(into: Collection, embedder: str) -> Collection:
    """After a pass with this embedder in the settings."""
    with override_settings(AGENTS_APP={"EMBEDDER": embedder, "LIVE": "poll"}):
        Collection.objects.filter(pk=into.pk).update(embedding_due_at=database_now())
        embed_collection(into.pk, seconds=60)
    return Collection.objects.get(pk=into.pk)


@pytest.mark.postgresql_only
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("pgvector")
def test_an_embedder_with_longer_vectors_takes_over_while_those_of_the_old_one_are_searched_by_its_index(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Short, "asked", 0)
    handbook = collection()
    shelve(handbook, [(f"o{number}", "Zebras", f"Stripes of zebra {number}.") for number in range(MANY // 10)])
    shelve(handbook, [("again", "Zebras", "Stripes of zebra 7.")])  # the same passage in another document
    assert embedded(handbook, SHORT).embedder == SHORT
    assert Short.asked == MANY // 10  # what is equal is embedded once
    assert set_up(dimension=[256])["dimensions"] == [64, 256]
    execute("SET enable_seqscan = off")
    during: list[tuple[str, int, str]] = []
    whole = embedding.embed_chunks

    def meanwhile(chunks: Any, name: str) -> int:
        stored = whole(chunks, name)
        found = search("Stripes of zebra 7.", "handbook", user=None, mode="vectors", top_k=1)
        during.append((found.mode, len(found), Collection.objects.get().embedder))
        return stored

    monkeypatch.setattr(embedding, "embed_chunks", meanwhile)
    monkeypatch.setattr(embedding, "BATCH", 20)
    row = embedded(handbook, LONG)
    assert (row.embedder, row.next_embedder, vector_index.dimensions(), vector_index.missing()) == (LONG, "", [256], 0)
    assert set(during) == {("vectors", 1, SHORT)}
    assert len(during) > 2
    assert Short.asked == 2 * (MANY // 10)
    with override_settings(AGENTS_APP={"EMBEDDER": LONG, "LIVE": "poll"}):
        [first, second] = search("Stripes of zebra 7.", "handbook", user=None, mode="vectors", top_k=2)
    assert {first.key, second.key} == {"o7", "again"}
