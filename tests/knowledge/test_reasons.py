"""What a worker finds out in its language, and each reads in their own: why a document cannot be read, what was guessed
of it, why there are no vectors yet, and why a row was not accepted."""

import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client, override_settings
from django.utils import translation
from rest_framework.test import APIClient

from agents_app.knowledge import hints, ingest, tasks
from agents_app.knowledge.embedding import embed_collection, sweep
from agents_app.knowledge.indexing import read_document
from agents_app.knowledge.ingesting import make_collection
from agents_app.knowledge.models import Collection, Document, SourceChange
from agents_app.knowledge.sources import forget_source, register_source
from project.demo.models import Customer
from tests.knowledge.pdfs import pdf

pytestmark = pytest.mark.django_db
SCANNED = {
    "en": "There is no text in this PDF: it is probably scanned.",
    "de": "In diesem PDF ist kein Text:",
}
LARGE = {
    "en": "This document has 1.5 kB; 1.2 kB are allowed (KNOWLEDGE_BYTES).",
    "de": "Dieses Dokument hat 1,5 kB; 1,2 kB sind erlaubt (KNOWLEDGE_BYTES).",
}
BY_LITTLE = {
    "en": "This document has 1,501 bytes; 1,500 bytes are allowed (KNOWLEDGE_BYTES).",
    "de": "Dieses Dokument hat 1.501 Bytes; 1.500 Bytes sind erlaubt (KNOWLEDGE_BYTES).",
}


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Collection]:
    with override_settings(
        AGENTS_APP={**settings.AGENTS_APP, "KNOWLEDGE_FOLDER": str(tmp_path / "store"), "EXECUTOR": "django_q2"}
    ):
        yield make_collection("shelf")


def failed(content: bytes, key: str, worker: str, limit: int = 50_000_000) -> Document:
    """A document that a worker of this language could not read."""
    document = ingest("shelf", content, key=key).document
    more = {**settings.AGENTS_APP, "KNOWLEDGE_BYTES": limit}
    with translation.override(worker), override_settings(AGENTS_APP=more):
        assert not read_document(document.pk)
    return Document.objects.get(pk=document.pk)


@pytest.mark.parametrize("worker", ["en", "de"])
def test_each_door_tells_it_in_the_language_of_who_reads_it(shelf: Collection, worker: str) -> None:
    row = failed(pdf(streams=[b"q Q"]), "scan.pdf", worker)
    large = failed(b"x" * 1500, "large.txt", worker, limit=1200)
    little = failed(b"x" * 1501, "little.txt", worker, limit=1500)
    boss = User.objects.create_superuser("boss")
    admin, rest = Client(), APIClient()
    admin.force_login(boss)
    rest.force_authenticate(boss)
    for language in ("en", "de"):
        with translation.override(language):
            for page in (f"document/{row.pk}", f"collection/{shelf.pk}"):
                text = admin.get(f"/admin/agents_knowledge/{page}/change/").content.decode()
                assert SCANNED[language] in text
            error = rest.get(f"/api/knowledge/documents/{row.pk}/").json()["error"]
            assert (error["code"], error["message"][: len(SCANNED[language])]) == ("no_text", SCANNED[language])
            out = io.StringIO()
            with pytest.raises(SystemExit):
                call_command("agents_ingest", collection="shelf", stdout=out, json=True)
            assert json.loads(out.getvalue())["failed"]["large.txt"]["message"] == LARGE[language]
            assert (large.reason, little.reason) == (LARGE[language], BY_LITTLE[language])


def test_a_reason_that_was_stored_as_it_was_told_is_told_so(shelf: Collection) -> None:
    assert Document(error="Dieses Dokument ist zu 100% leer.").reason == "Dieses Dokument ist zu 100% leer."
    assert Document().reason == ""


def test_what_a_broken_pdf_says_of_itself_can_be_stored_whatever_it_is(
    shelf: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = [{"error": "damaged_pdf", "detail": "50% \x00 \ud800"}]
    monkeypatch.setattr("agents_app.knowledge.reading.pdf._said_of", lambda path, first: iter(said))
    row = failed(pdf("Page"), "odd.pdf", "en")
    assert (row.error_code, row.reason) == ("damaged_pdf", "This PDF is damaged: 50% \ufffd \ufffd")


NOTES = {
    "koi.html": (
        b"\xef\xbb\xbf<p>\xff and \x00</p>",
        {
            "en": "It is not all utf-8-sig; what could not be read was replaced. Characters that cannot be stored were "
            "replaced.",
            "de": "Es ist nicht durchweg utf-8-sig; was nicht zu lesen war, wurde ersetzt. Zeichen, die nicht "
            "gespeichert werden können, wurden ersetzt.",
        },
    ),
    "old.txt": (
        "Grüße an alle".encode("cp1252"),
        {
            "en": "It is not UTF-8, and was read as Windows-1252.",
            "de": "Es ist kein UTF-8 und wurde als Windows-1252 gelesen.",
        },
    ),
}


@pytest.mark.parametrize("worker", ["en", "de"])
@pytest.mark.parametrize("key", NOTES)
def test_what_was_guessed_is_told_in_the_language_of_who_reads_it(shelf: Collection, worker: str, key: str) -> None:
    content, notes = NOTES[key]
    row = ingest("shelf", content, key=key).document
    with translation.override(worker):
        assert read_document(row.pk)
    boss = User.objects.create_superuser("boss")
    admin, rest = Client(), APIClient()
    admin.force_login(boss)
    rest.force_authenticate(boss)
    for language, note in notes.items():
        with translation.override(language):
            assert note in admin.get(f"/admin/agents_knowledge/document/{row.pk}/change/").content.decode()
            assert rest.get(f"/api/knowledge/documents/{row.pk}/").json()["note"] == note
    ingest("shelf", "Another content.", key=key)
    assert Document.objects.get().noted == ""


class Growing:
    """An embedder whose vectors have one number more each time."""

    size = 3

    def embed(self, texts: Sequence[str], *, kind: str) -> list[list[float]]:
        Growing.size += 1
        return [[1.0] * Growing.size for _ in texts]


class Fewer:
    """An embedder that leaves texts out."""

    def embed(self, texts: Sequence[str], *, kind: str) -> list[list[float]]:
        return []


class Nowhere:
    """An embedder whose vectors have no direction, and nothing to say of it."""

    def embed(self, texts: Sequence[str], *, kind: str) -> list[list[Any]]:
        return [["\x00 50%"] for _ in texts]


EMBEDDERS = {
    "Growing": (
        {
            "en": "The embedder made a vector of 5 numbers where 4 are searched.",
            "de": "Der Embedder hat einen Vektor mit 5 Zahlen gemacht, wo 4 durchsucht werden.",
        },
        "dimension_changed",
    ),
    "Fewer": (
        {"en": "It made 0 vectors of ", "de": "Er hat 0 Vektoren aus "},
        "invalid_reply",
    ),
    "Nowhere": (
        {"en": "It made a vector that is none: ", "de": "Er hat einen Vektor gemacht, der keiner ist: "},
        "invalid_reply",
    ),
}


@pytest.mark.parametrize("worker", ["en", "de"])
@pytest.mark.parametrize("embedder", EMBEDDERS)
def test_what_an_embedder_does_wrong_is_told_in_the_language_of_who_reads_it(
    shelf: Collection, monkeypatch: pytest.MonkeyPatch, worker: str, embedder: str
) -> None:
    monkeypatch.setattr(Growing, "size", 3)
    reasons, code = EMBEDDERS[embedder]
    admin = Client()
    admin.force_login(User.objects.create_superuser("boss"))
    with override_settings(AGENTS_APP={**settings.AGENTS_APP, "EMBEDDER": f"{__name__}.{embedder}"}):
        for key in ("a", "b"):
            read_document(ingest("shelf", f"Text {key}.", key=key).document.pk)
            sweep()
            with translation.override(worker):
                embed_collection(shelf.pk)
        for language, reason in reasons.items():
            with translation.override(language):
                row = Collection.objects.get()
                assert row.embedding_reason.startswith(reason)
                assert row.embedding_reason.endswith(f"({code})")
                assert reason in admin.get(f"/admin/agents_knowledge/collection/{shelf.pk}/change/").content.decode()
                with monkeypatch.context() as asking:
                    asking.setattr(f"{COMMAND}.ask_again", lambda collection: None)
                    out = io.StringIO()
                    with pytest.raises(SystemExit):
                        call_command("agents_ingest", collection="shelf", stdout=out, json=True)
                assert json.loads(out.getvalue())["vectors_error"] == row.embedding_reason


COMMAND = "agents_app.knowledge.management.commands.agents_ingest"


def test_what_was_stored_of_an_embedder_before_is_told_as_it_was() -> None:
    assert Collection(embedding_error="100% (connection)").embedding_reason == "100% (connection)"
    assert Collection().embedding_reason == ""


@pytest.mark.parametrize("worker", ["en", "de"])
def test_why_a_row_is_not_accepted_is_told_in_the_language_of_who_reads_it(
    shelf: Collection, monkeypatch: pytest.MonkeyPatch, worker: str
) -> None:
    monkeypatch.setattr(hints, "_async_task", lambda *given, **options: None)
    source = register_source(Customer, fields=["name"], collection="shelf", metadata=lambda row: {"x": float("nan")})
    try:
        Customer.objects.create(name="Ada")
        with translation.override(worker):
            tasks.keep_source(source.label)
    finally:
        forget_source(Customer)
    for language, reason in (
        ("en", "The metadata cannot be stored: "),
        ("de", "Die Metadaten lassen sich nicht speichern: "),
    ):
        with translation.override(language):
            [row] = SourceChange.objects.all()
            assert row.reason.startswith(reason)
            out = io.StringIO()
            call_command("agents_ingest", stdout=out, no_color=True)
            assert reason in " ".join(out.getvalue().split())
