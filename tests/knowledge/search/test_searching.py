"""What is found, by whom, and what is said where something is missing."""

from collections.abc import Sequence
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from agents_app.exceptions import EmbeddingError, InvalidInput
from agents_app.knowledge.models import Chunk, ChunkVector, Collection, Document
from agents_app.knowledge.search import search, words
from agents_app.knowledge.search.searching import CUT, NO_VECTORS
from agents_app.knowledge.vectors import embed_chunks
from agents_app.testing import HashingEmbedder
from tests.knowledge.shelf import collection, embed_all, shelve

pytestmark = pytest.mark.django_db

OWN = "agents_app.testing.embedder.HashingEmbedder"
TEXTS = [
    ("refunds", "Refunds", "A broken lamp is refunded within thirty days. The customer keeps the voucher."),
    ("delivery", "Delivery", "Parcels are delivered in three days. Islands take a week longer."),
    ("lamps", "Care of lamps", "Wipe the glass with a dry cloth. Never with alcohol."),
    ("secret", "Margins", "The margin on a lamp is forty percent; the refund reserve is small."),
]


class DownEmbedder:
    """An embedding server that is down."""

    def embed(self, texts: Sequence[str], *, kind: str) -> Any:
        raise ConnectionError("the server is down")


DOWN = f"{__name__}.DownEmbedder"


@pytest.fixture
def handbook() -> Collection:
    made = collection()
    shelve(made, TEXTS[:3], lang="en")
    return made


def keys(*args: Any, **options: Any) -> list[str]:
    return [hit.key for hit in search(*args, **{"user": None, **options})]


def test_words_are_found_in_other_forms_and_rare_ones_count_more(handbook: Collection) -> None:
    assert keys("refunding a lamp", "handbook")[0] == "refunds"
    assert keys("islands", "handbook") == ["delivery"]
    assert set(keys("lamps", "handbook")) == {"refunds", "lamps"}


def test_one_rare_word_comes_before_many_frequent_ones() -> None:
    made = collection()
    noise = [(f"n{number}", "Order", "customer order number customer order " * 5) for number in range(40)]
    shelve(made, [*noise, ("rare", "Order", "A voucher of a customer.")])
    assert keys("order number of a customer with a voucher", "handbook")[0] == "rare"


@pytest.mark.postgresql_only
def test_statistics_of_what_was_there_before_do_not_make_a_rare_word_frequent() -> None:
    """They are renewed when the server comes to it: a shelf that was filled anew is searched before."""
    before = collection("before")
    shelve(before, [(f"v{number}", "Vouchers", "A voucher.") for number in range(40)])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE agents_knowledge_chunk")
    before.delete()
    test_one_rare_word_comes_before_many_frequent_ones()


@pytest.mark.postgresql_only
def test_a_shelf_that_was_just_filled_is_not_counted_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's statistics tell of a small one, be it for minutes, or for ever where they are not renewed."""
    monkeypatch.setattr(words, "FREQUENT", 10)
    monkeypatch.setattr(words, "COUNTED", 30)
    before = collection("before")
    shelve(before, [(f"v{number}", "Vouchers", "A voucher.") for number in range(9)])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE agents_knowledge_chunk")
    before.delete()
    counted, rows = [], words._rows
    monkeypatch.setattr(words, "_rows", lambda sql, params: counted.append(rows(sql, params)) or counted[-1])
    test_one_rare_word_comes_before_many_frequent_ones()
    assert {size for _, size, _ in counted[0]} == {30}, "41 are there"
    assert {lexeme: chunks for lexeme, _, chunks in counted[0]}["voucher"] == 1, "not what it was before"


def test_a_hit_says_where_it_stands_and_why_it_was_found(handbook: Collection) -> None:
    [hit] = search("how are Islands reached?", ["handbook"], user=None, explain=True)
    assert (hit.collection, hit.key, hit.title, hit.source) == ("handbook", "delivery", "Delivery", "Delivery")
    assert (hit.text_rank, hit.vector_rank) == (1, None)
    assert hit.text_score is not None
    assert hit.text_score == hit.score > 0
    assert [word[:6] for word in hit.words] == ["island"]
    assert "Islands take a week longer" in hit.text
    assert hit.metadata == {"lang": "en"}


def test_without_vectors_the_search_is_full_text_and_says_so(handbook: Collection) -> None:
    found = search("lamp", "handbook", user=None)
    assert (found.mode, found.notes, found.error) == ("text", (NO_VECTORS,), None)
    assert len(found) == 2
    assert search("lamp", "handbook", user=None, mode="text").notes == ()
    only = search("lamp", "handbook", user=None, mode="vectors")
    assert (only.hits, only.notes) == ((), (NO_VECTORS,))


@override_settings(AGENTS_APP={"EMBEDDER": OWN, "LIVE": "poll"})
def test_both_ways_are_fused_and_each_hit_knows_its_place_in_both(handbook: Collection) -> None:
    assert embed_all(handbook, OWN) == Chunk.objects.count()
    found = search("refunded lamps", "handbook", user=None)
    assert (found.mode, found.notes) == ("fused", ())
    assert found.hits[0].key == "refunds"
    assert {hit.key for hit in found} == {"refunds", "lamps", "delivery"}
    best = found.hits[0]
    assert best.text_rank is not None
    assert best.vector_rank is not None
    assert best.score == pytest.approx(1 / (60 + best.text_rank) + 1 / (60 + best.vector_rank))
    assert [hit.text_rank for hit in found if hit.key == "delivery"] == [None]
    nearest = search("refunded lamps", "handbook", user=None, mode="vectors", top_k=2)
    assert [hit.score for hit in nearest] == sorted((hit.score for hit in nearest), reverse=True)
    assert len(nearest) == 2


def test_an_embedder_that_was_taken_out_of_the_settings_is_asked_nothing(
    handbook: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with override_settings(AGENTS_APP={"EMBEDDER": OWN, "LIVE": "poll"}):
        embed_all(handbook, OWN)
        assert search("lamp", "handbook", user=None).mode == "fused"
    monkeypatch.setattr(HashingEmbedder, "embed", lambda *given, **options: pytest.fail("it was asked"))
    found = search("lamp", "handbook", user=None)
    assert (found.mode, found.notes) == ("text", (NO_VECTORS,))


@override_settings(AGENTS_APP={"EMBEDDER": OWN, "LIVE": "poll"})
def test_equal_passages_are_embedded_once(handbook: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    embed_all(handbook, OWN)
    asked: list[str] = []
    embed = HashingEmbedder.embed

    def counted(self: HashingEmbedder, texts: Sequence[str], *, kind: Any) -> list[list[float]]:
        asked.extend(texts)
        return embed(self, texts, kind=kind)

    monkeypatch.setattr(HashingEmbedder, "embed", counted)
    again = shelve(collection("copy"), [*TEXTS[:3], ("new", "New", "Something else.")])
    assert embed_chunks(again, OWN) == len(again)
    assert asked == ["New\n\nSomething else."]
    assert embed_chunks(again, OWN) == 0


@override_settings(AGENTS_APP={"EMBEDDER": DOWN, "LIVE": "poll"})
def test_an_embedder_that_is_down_leaves_full_text(handbook: Collection) -> None:
    Collection.objects.update(embedder=DOWN)
    found = search("lamp", "handbook", user=None)
    assert (found.mode, found.error) == ("text", "connection")
    assert "connection" in found.notes[0]
    assert len(found) == 2
    with pytest.raises(EmbeddingError):
        search("lamp", "handbook", user=None, mode="vectors")


class Sometimes:
    """An embedder that fails from the second batch on."""

    def __init__(self) -> None:
        self.asked = 0

    def embed(self, texts: Sequence[str], *, kind: Any) -> list[list[float]]:
        self.asked += 1
        if self.asked > 1:
            raise ConnectionError("half-way")
        return HashingEmbedder().embed(texts, kind=kind)


def test_what_was_embedded_before_a_failure_stays(handbook: Collection) -> None:
    chunks = list(Chunk.objects.order_by("id"))
    failing = f"{__name__}.Sometimes"
    with override_settings(AGENTS_APP={"EMBEDDER": failing, "EMBEDDING_BATCH": 2}):
        with pytest.raises(EmbeddingError):
            embed_chunks(chunks, failing)
        assert ChunkVector.objects.count() == 2
        assert embed_chunks(chunks, failing) == len(chunks) - 2


def test_a_document_is_found_all_at_once_and_its_old_version_no_more(handbook: Collection) -> None:
    document = Document.objects.get(key="delivery")
    fields = {"start": 0, "end": 1, "digest": "x", "heading": "Delivery"}
    Chunk.objects.create(
        document=document, collection=handbook, version=2, number=1, text="Parcels fly by balloon.", **fields
    )
    assert keys("balloon", "handbook") == []
    assert keys("islands", "handbook") == ["delivery"]
    Document.objects.filter(pk=document.pk).update(revision=2, version=2)
    assert keys("balloon", "handbook") == ["delivery"]
    assert keys("islands", "handbook") == []


@pytest.fixture
def closed() -> Collection:
    made = collection("closed", public=False)
    shelve(made, TEXTS[3:])
    return made


@override_settings(AGENTS_APP={"EMBEDDER": OWN, "LIVE": "poll"})
@pytest.mark.parametrize("mode", ["text", "vectors", "fused"])
def test_nobody_finds_what_they_may_not_see(handbook: Collection, closed: Collection, mode: str) -> None:
    embed_all(handbook, OWN)
    embed_all(closed, OWN)
    member, stranger = User.objects.create(username="member"), User.objects.create(username="stranger")
    group = Group.objects.create(name="staff")
    closed.viewers.add(group)
    member.groups.add(group)
    allowed = User.objects.create(username="allowed")
    allowed.user_permissions.add(Permission.objects.get(codename="view_collection"))
    both: Any = {"mode": mode, "top_k": 20}
    for user in (None, stranger):
        found = search("margin on a lamp", ["handbook", "closed"], user=user, **both)
        assert found.collections == ("handbook",)
        assert "secret" not in {hit.key for hit in found}
        assert search("margin on a lamp", "closed", user=user, **both).hits == ()
    for user in (member, allowed):
        assert search("margin on a lamp", ["handbook", "closed"], user=user, **both).hits[0].key == "secret"


@override_settings(AGENTS_APP={"EMBEDDER": OWN, "LIVE": "poll"})
@pytest.mark.parametrize("mode", ["text", "vectors", "fused"])
def test_what_one_may_see_is_found_behind_much_that_one_may_not(mode: Any) -> None:
    closed, handbook = collection("closed", public=False), collection()
    shelve(closed, [(f"s{number}", "Margins", "The margin on a lamp.") for number in range(60)])
    shelve(handbook, [("open", "Care", "Lamps want care, and a margin of air around them.")])
    for each in (closed, handbook):
        embed_all(each, OWN)
    assert keys("The margin on a lamp", ["closed", "handbook"], mode=mode, top_k=3) == ["open"]


def test_filters_compare_values_of_the_metadata(handbook: Collection) -> None:
    shelve(handbook, [("lampe", "Lampen", "Eine kaputte lamp.")], lang="de", year=2024, draft=False)
    assert keys("lamp", "handbook", filters={"lang": "de"}) == ["lampe"]
    assert keys("lamp", "handbook", filters={"lang": ["fr", "de"], "year": 2024}) == ["lampe"]
    assert keys("lamp", "handbook", filters={"draft": False}) == ["lampe"]
    for nothing in ({"lang": "fr"}, {"year": "2024"}, {"nothing": 1}, {"draft": True}):
        assert keys("lamp", "handbook", filters=nothing) == []
    assert set(keys("lamp", "handbook", filters={"lang": "en"})) == {"refunds", "lamps"}


@pytest.mark.parametrize("key", ["lang__regex", "lang'; DROP TABLE x; --", 'a"b', "a.b", "$", "%s", "0"], ids=range(7))
def test_a_filters_key_is_a_name_and_nothing_else(handbook: Collection, key: str) -> None:
    shelve(handbook, [("odd", "Odd", "A lamp.")], **{key: "yes"})
    assert keys("lamp", "handbook", filters={key: "yes"}) == ["odd"]


@pytest.mark.parametrize(
    "filters", [{"": 1}, {"a": {}}, {"a": []}, {"a": [[1]]}, dict.fromkeys("abcdefghijklmnopqrstu", 1)], ids=range(5)
)
def test_filters_that_cannot_be_used_are_refused(handbook: Collection, filters: Any) -> None:
    with pytest.raises(InvalidInput):
        search("lamp", "handbook", user=None, filters=filters)


LAMPS = """
"lamp|lamp*|lamp AND|NOT lamp|NEAR(lamp glass)|text:lamp|{lamp|lamp^2|lamp -glass|lamp & !glass|lamp <-> glass|lamp:*
lamp\\|%s %d lamp|lamp\x00|ID4:x lamp|l'lamp d\\'or
"""
SYNTAX = ['"', "'", "(((", *LAMPS.strip().replace("\n", "|").split("|")]


@pytest.mark.parametrize("query", SYNTAX, ids=range(len(SYNTAX)))
def test_characters_of_the_databases_syntax_are_no_more_than_characters(handbook: Collection, query: str) -> None:
    found = keys(query, "handbook")
    assert set(found) >= ({"refunds", "lamps"} if "lamp" in query else set())


@override_settings(AGENTS_APP={"EMBEDDER": OWN, "LIVE": "poll"})
def test_a_question_of_100_000_characters_is_searched_by_its_beginning(handbook: Collection) -> None:
    embed_all(handbook, OWN)
    found = search("islands " + "lamp glass cloth " * 6_000, "handbook", user=None)
    assert len(found) == 3
    assert found.notes == (CUT,)


def test_nothing_is_found_in_nothing() -> None:
    assert search("lamp", "nowhere", user=None).hits == ()
    assert search("lamp", [], user=None).collections == ()
    made = collection()
    assert search("lamp", "handbook", user=None).hits == ()
    shelve(made, TEXTS)
    assert search("", "handbook", user=None).hits == ()
    assert search("xylophone", "handbook", user=None).hits == ()


@pytest.mark.parametrize("options", [{"mode": "best"}, {"top_k": 0}, {"top_k": 101}, {"top_k": True}], ids=range(4))
def test_options_that_cannot_be_used_are_refused(options: Any) -> None:
    with pytest.raises(InvalidInput):
        search("lamp", "handbook", **{"user": None, **options})


WRITTEN = "\uff2d\uff41\uff52\uff47\uff49\uff4e: 10\u00b2 \ufb01les, gru\u0308n"
"""Full-width letters, an index above, a ligature, and an accent that stands for itself: as PDFs have them."""


@pytest.mark.sqlite_only
def test_the_index_of_words_follows_what_is_deleted(handbook: Collection) -> None:
    shelve(handbook, [("wide", "Lamps", WRITTEN)])
    check = "INSERT INTO agents_knowledge_text(agents_knowledge_text, rank) VALUES ('integrity-check', 1)"
    with connection.cursor() as cursor:
        cursor.execute(check)
        handbook.delete()
        cursor.execute(check)
        cursor.execute("SELECT count(*) FROM agents_knowledge_text WHERE agents_knowledge_text MATCH 'lamp'")
        assert cursor.fetchone() == (0,)


def test_words_are_found_in_whatever_form_they_are_written_and_shown_as_they_are(handbook: Collection) -> None:
    [chunk] = shelve(handbook, [("odd", "\uff2f\uff44\uff44", WRITTEN)])
    for query in ("margin", "\uff4d\uff41\uff52\uff47\uff49\uff4e", "files", "gr\u00fcn", "odd"):
        found = search(query, "handbook", user=None, explain=True)
        assert [(hit.key, hit.text) for hit in found] == [("odd", WRITTEN)], query
        assert found.hits[0].words, query
    Chunk.objects.filter(pk=chunk.pk).update(text="\uff37\uff52\uff49\uff54\uff45")
    assert keys("margin", "handbook") == []
    assert keys("write", "handbook") == ["odd"]
    Chunk.objects.filter(pk=chunk.pk).delete()
    assert keys("write odd", "handbook") == []


@pytest.mark.postgresql_only
def test_on_postgresql_the_index_over_the_words_finds_and_not_a_walk_through_all_documents(
    handbook: Collection,
) -> None:
    with connection.cursor() as cursor:
        # A handful of rows is read faster without any index, or by walking through that of something else.
        for way in ("seqscan", "indexscan", "indexonlyscan"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
    with CaptureQueriesContext(connection) as captured:
        assert keys("refunding a lamp", "handbook")[0] == "refunds"
    [ranking] = [each["sql"] for each in captured.captured_queries if "ts_rank(" in each["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {ranking}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    found = plan.partition("CTE found")[2]
    assert "agents_k_chunk_searchable" in found, plan
    assert plan.count("searchable @@") == plan.count("Recheck Cond: (searchable") * 2, plan
