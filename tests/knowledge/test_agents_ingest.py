"""The directory's door: repeated, stopped, pruned."""

import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import override_settings

from agents_app.core import failpoints
from agents_app.exceptions import EmbeddingError
from agents_app.knowledge import embedding, hints, ingest
from agents_app.knowledge.ingesting import make_collection
from agents_app.knowledge.management.commands.agents_ingest import bar
from agents_app.knowledge.models import Chunk, Collection, Document
from tests.knowledge.pdfs import pdf

pytestmark = pytest.mark.django_db


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    """A directory of documents, and a collection."""
    tree = tmp_path / "tree"
    (tree / "deep").mkdir(parents=True)
    (tree / ".git").mkdir()
    (tree / "returns.md").write_text("# Returns\n\nWithin 30 days.")
    (tree / "deep" / "prices.html").write_text("<h1>Prices</h1><p>Fair.</p>")
    (tree / "deep" / "guide.pdf").write_bytes(pdf("Page one", "Page two"))
    (tree / ".git" / "config.txt").write_text("hidden")
    (tree / "logo.png").write_bytes(b"\x89PNG")
    (tree / "out.md").symlink_to(Path(__file__))
    with override_settings(
        AGENTS_APP={**settings.AGENTS_APP, "KNOWLEDGE_FOLDER": str(tmp_path / "store"), "EXECUTOR": "django_q2"}
    ):
        make_collection("shelf")
        yield tree


def run(*arguments: Any, code: int = 0, **options: Any) -> str:
    out = io.StringIO()
    left: Any = None
    try:
        call_command("agents_ingest", *map(str, arguments), collection="shelf", stdout=out, no_color=True, **options)
    except SystemExit as exited:
        left = exited.code
    assert (left or 0) == code
    return out.getvalue()


def keys(**filters: Any) -> list[str]:
    return list(Document.objects.filter(**filters).order_by("key").values_list("key", flat=True))


def test_a_directory_and_again(tree: Path) -> None:
    assert run(tree) == (
        "3 documents in shelf: 3 added, 0 changed, 0 unchanged.\nLeft out, since their kind is not read: logo.png\n"
    )
    assert keys(state="ready", source="directory") == ["deep/guide.pdf", "deep/prices.html", "returns.md"]
    (tree / "returns.md").write_text("# Returns\n\nWithin 60 days.")
    assert run(tree).startswith("3 documents in shelf: 0 added, 1 changed, 2 unchanged.\n")
    assert Chunk.objects.current().filter(text="Within 60 days.").count() == 1
    assert Chunk.objects.count() == 4


def test_files_that_are_gone_are_told_and_pruned(tree: Path) -> None:
    ingest("shelf", "By hand.", key="deep/hand.md")
    run(tree)
    (tree / "deep" / "guide.pdf").unlink()
    assert "Their files are gone; --prune removes them: deep/guide.pdf" in run(tree)
    assert "deep/guide.pdf" in keys()
    said = json.loads(run(tree, json=True, prune=True))
    assert (said["gone"], said["pruned"], said["unchanged"]) == (["deep/guide.pdf"], True, 2)
    assert keys() == ["deep/hand.md", "deep/prices.html", "returns.md"]


def test_one_tree_beside_another(tree: Path) -> None:
    run(tree, prefix="a/")
    run(tree / "deep", prefix="b/", prune=True)
    assert keys() == ["a/deep/guide.pdf", "a/deep/prices.html", "a/returns.md", "b/guide.pdf", "b/prices.html"]


def test_what_cannot_be_read_says_why_and_stops_nothing(tree: Path) -> None:
    (tree / "a.md").write_text("")
    (tree / "b.md").write_bytes(b"PK\x03\x04")
    with (tree / "c.txt").open("wb") as file:
        file.truncate(500 * 2**20)  # sparse
    told = run(tree, code=1)
    assert "a.md: This document is empty. (empty)" in told
    assert "b.md: This is a ZIP archive" in told
    assert "c.txt: This document has 524.3 MB; 50 MB are allowed" in told
    assert len(keys(state="ready")) == 3
    said = json.loads(run(tree, code=1, json=True))
    assert said["failed"] == {"a.md": {"code": "empty", "message": "This document is empty."}}
    assert sorted(said["refused"]) == ["b.md", "c.txt"]


def test_stopped_half_way_and_repeated(tree: Path) -> None:
    def stop(name: str, about: Any) -> None:
        if name == "document.part_stored" and Document.objects.filter(state="ready").exists():
            raise KeyboardInterrupt

    failpoints.listen(stop)
    try:
        with pytest.raises(CommandError, match="the same command goes on") as stopped:
            run(tree)
    finally:
        failpoints.listen(None)
    assert stopped.value.returncode == 130
    assert len(keys(state="ready")) == 1
    assert set(Document.objects.values_list("attempts", flat=True)) == {0}, "nobody died of it"
    # The same command goes on at once: nothing is held until a lease ends.
    assert "0 added, 0 changed, 3 unchanged" in run(tree)
    assert len(keys(state="ready")) == 3
    assert Chunk.objects.count() == 4


class Failing:
    """An embedder that is down."""

    def embed(self, texts: Sequence[str], *, kind: str) -> list[list[float]]:
        raise EmbeddingError("no answer", code="connection", transient=True)


def with_embedder(name: str) -> Any:
    return override_settings(AGENTS_APP={**settings.AGENTS_APP, "EMBEDDER": name})


def test_an_embedder_that_comes_after_the_documents(tree: Path) -> None:
    run(tree)
    with with_embedder("agents_app.testing.embedder.HashingEmbedder"):
        assert json.loads(run(json=True))["vectors_error"] == ""
        assert Collection.objects.get().embedder


def test_an_embedder_that_fails_is_told(tree: Path) -> None:
    with with_embedder(f"{__name__}.Failing"):
        told = " ".join(run(tree, code=1).split())
        assert "The vectors of shelf could not be made yet: no answer (connection)" in told
        assert json.loads(run(code=1, json=True))["vectors_error"] == "no answer (connection)"
        everything = io.StringIO()
        call_command("agents_ingest", stdout=everything, no_color=True)
        assert "no answer (connection)" in " ".join(everything.getvalue().split())
    assert json.loads(run(json=True))["vectors_error"] == "", "there is no embedder any more"


class Recovering(Failing):
    """An embedder that was down, and is asked without haste by the queue."""

    down = True

    def embed(self, texts: Sequence[str], *, kind: str) -> list[list[float]]:
        return super().embed(texts, kind=kind) if self.down else [[1.0, float(len(text))] for text in texts]


@pytest.mark.parametrize("named", [True, False])
def test_who_asks_by_hand_does_not_wait_for_an_embedder_that_is_well_again(
    tree: Path, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    monkeypatch.setattr(Recovering, "down", True)
    with with_embedder(f"{__name__}.Recovering"):
        assert "asks the embedder again at once" in " ".join(run(tree, code=1).split())
        monkeypatch.setattr(Recovering, "down", False)
        embedding.sweep()
        run(code=1, queue=True)
        row = Collection.objects.get()
        assert (row.embedder, embedding.due_collections()) == ("", []), "the queue waits"
        run() if named else call_command("agents_ingest", stdout=io.StringIO())
        row.refresh_from_db()
        assert (row.embedder, row.embedding_error, row.embedding_due_at) == (f"{__name__}.Recovering", "", None)


def test_who_asks_by_hand_takes_no_collection_from_who_makes_its_vectors(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def meanwhile() -> None:
        embedding.ask_again()
        asked.append(embedding.due_collections())

    with with_embedder(f"{__name__}.Recovering"):
        monkeypatch.setattr(Recovering, "down", True)
        run(tree, code=1)
        monkeypatch.setattr(Recovering, "down", False)
        failpoints.listen(lambda name, about: meanwhile() if name == "vectors.stored" else None)
        try:
            run()
        finally:
            failpoints.listen(None)
    assert asked == [[]]


def test_stopped_while_vectors_are_made(tree: Path) -> None:
    def stop(name: str, about: Any) -> None:
        if name == "vectors.stored":
            raise KeyboardInterrupt

    embedder = {**settings.AGENTS_APP, "EMBEDDER": "agents_app.testing.embedder.HashingEmbedder"}
    with override_settings(AGENTS_APP=embedder):
        failpoints.listen(stop)
        try:
            with pytest.raises(CommandError):
                run(tree)
        finally:
            failpoints.listen(None)
        assert not Collection.objects.exclude(embedder="").exists()
        run(tree)
    assert Collection.objects.get().embedder


def test_for_the_queue(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(hints, "_async_task", lambda *given, **options: sent.append(given))
    assert "3 documents still to be read." in run(tree, queue=True)
    assert len(sent) == 3
    assert "3 documents in shelf: 0 added, 0 changed, 0 unchanged." in run()
    assert len(keys(state="ready")) == 3


def test_all_again(tree: Path) -> None:
    run(tree)
    run(again=True)
    assert set(Document.objects.values_list("version", "state")) == {(2, "ready")}


def test_wrong_places_and_people(tree: Path, tmp_path: Path) -> None:
    run(tree)
    with pytest.raises(CommandError, match="There is no "):
        run(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CommandError, match="There are no files"):
        run(tmp_path / "empty", prune=True)
    assert len(keys()) == 3
    with pytest.raises(CommandError, match="no collection"):
        call_command("agents_ingest", str(tree), collection="other")
    call_command("agents_ingest", str(tree / "returns.md"), collection="other", create=True, stdout=io.StringIO())
    assert Document.objects.get(collection__name="other").key == "returns.md"
    User.objects.create_user("nina")
    with pytest.raises(CommandError, match="no collection"):
        run(tree, as_user="nina")
    Collection.objects.update(public=True)
    (tree / "new.md").write_text("New.")
    with pytest.raises(CommandError, match="add_document"):
        run(tree / "new.md", as_user="nina")
    nina = User.objects.get(username="nina")
    nina.user_permissions.add(Permission.objects.get(codename="add_document"))
    assert "1 added" in run(tree / "new.md", as_user="nina")
    assert Document.objects.get(collection__name="shelf", key="new.md").added_by_name == "nina"
    with pytest.raises(CommandError, match="JSON"):
        run(tree, metadata="[1]")


def test_the_bar() -> None:
    assert bar(0, 0) == "[....................] 0 of 0"
    assert bar(25, 100) == "[#####...............] 25 of 100"
