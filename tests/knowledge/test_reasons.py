"""Why a document cannot be read: a worker finds it out in its language, and each reads it in their own."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client, override_settings
from django.utils import translation
from rest_framework.test import APIClient

from agents_app.knowledge import ingest
from agents_app.knowledge.indexing import read_document
from agents_app.knowledge.ingesting import make_collection
from agents_app.knowledge.models import Collection, Document
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
