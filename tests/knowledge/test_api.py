"""Documents over REST: as JSON and as a form, and who may."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import override_settings
from rest_framework.test import APIClient

from agents_app.knowledge import indexing, ingest
from agents_app.knowledge.ingesting import make_collection
from agents_app.knowledge.models import Collection, Document
from tests.knowledge.pdfs import pdf

pytestmark = pytest.mark.django_db
SHELF = "/api/knowledge/collections/shelf/documents/"


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path) -> Iterator[Collection]:
    """A collection that the group "support" sees, and one that it does not."""
    with override_settings(
        AGENTS_APP={**settings.AGENTS_APP, "KNOWLEDGE_FOLDER": str(tmp_path / "store"), "EXECUTOR": "django_q2"}
    ):
        shelf = make_collection("shelf")
        shelf.viewers.add(Group.objects.create(name="support"))
        make_collection("secret")
        yield shelf


def client_of(name: str, *permissions: str, group: str = "support") -> APIClient:
    user = User.objects.create_user(name)
    user.groups.set(Group.objects.filter(name=group))
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = APIClient()
    client.force_authenticate(User.objects.get(pk=user.pk))
    return client


def test_a_text_as_json() -> None:
    nina = client_of("nina", "add_document")
    body = {"key": "returns", "text": "Within 30 days.\x00", "title": "Returns", "metadata": {"lang": "en"}}
    answer = nina.post(SHELF, body, format="json")
    assert answer.status_code == 202
    assert answer.json()["outcome"] == "added"
    document = Document.objects.get()
    assert (document.source, document.added_by_name) == ("rest", "nina")
    indexing.read_document(document.pk)
    shown = nina.get(f"/api/knowledge/documents/{document.pk}/").json()
    assert (shown["state"], shown["version"], shown["chunks"], shown["metadata"]) == ("ready", 1, 1, {"lang": "en"})
    assert nina.post(SHELF, body, format="json").json()["outcome"] == "unchanged"
    assert [each["key"] for each in nina.get(SHELF).json()["results"]] == ["returns"]
    assert nina.get(f"{SHELF}?state=failed").json()["results"] == []
    assert nina.get(f"{SHELF}?state=odd").status_code == 400


def test_a_file_in_a_form() -> None:
    nina = client_of("nina", "add_document")
    given = {"file": SimpleUploadedFile("guide.pdf", pdf("Page one"), "application/pdf"), "metadata": '{"a": 1}'}
    answer = nina.post(SHELF, given, format="multipart")
    assert (answer.status_code, answer.json()["mime"]) == (201, "application/pdf")
    given = {"file": SimpleUploadedFile("x.pdf", pdf("Page two"), "application/pdf"), "key": "guide.pdf"}
    assert nina.post(SHELF, given, format="multipart").status_code == 202
    assert Document.objects.get().metadata == {}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "invalid_input"),
        ({"file": ("a.zip", b"PK\x03\x04")}, "unsupported_kind"),
        ({"file": ("a.md", b"x"), "metadata": "[1]"}, "invalid_input"),
        ({"file": ("a.md", b"x"), "odd": "x"}, "invalid_input"),
        ({"file": ("a.md", b"x"), "key": "k" * 501}, "invalid_input"),
        ({"file": ("a.md", b"x" * 2_000)}, "too_large"),
    ],
    ids=["nothing", "zip", "metadata", "odd field", "long key", "too large"],
)
def test_forms_that_cannot_be_used(given: dict[str, Any], code: str) -> None:
    nina = client_of("nina", "add_document")
    if "file" in given:
        given = {**given, "file": SimpleUploadedFile(*given["file"])}
    with override_settings(AGENTS_APP={**settings.AGENTS_APP, "KNOWLEDGE_BYTES": 1_000}):
        answer = nina.post(SHELF, given, format="multipart")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert not Document.objects.exists()


def test_json_that_cannot_be_used() -> None:
    nina = client_of("nina", "add_document")
    for body in ({}, {"key": "a"}, {"key": "", "text": "x"}, {"key": "a", "text": "x", "odd": 1}, [1]):
        assert nina.post(SHELF, body, format="json").status_code == 400


def test_who_may() -> None:
    document = ingest("shelf", "Words.", key="a").document
    everything = ("add_document", "change_document", "delete_document")
    one = f"/api/knowledge/documents/{document.pk}/"
    body = {"key": "b", "text": "x"}
    cases: list[tuple[APIClient, tuple[int, ...]]] = [
        (APIClient(), (401, 401, 401, 401, 401)),
        (client_of("viewer"), (200, 200, 403, 403, 403)),
        (client_of("stranger", *everything, group="none"), (404, 404, 404, 404, 404)),
        (client_of("keeper", *everything), (200, 200, 202, 202, 200)),
    ]
    for client, statuses in cases:
        found = (
            client.get(SHELF).status_code,
            client.get(one).status_code,
            client.post(SHELF, body, format="json").status_code,
            client.post(f"{one}read-again/", {}, format="json").status_code,
            client.post(f"{one}remove/", {}, format="json").status_code,
        )
        assert found == statuses
    assert not Document.objects.filter(pk=document.pk).exists()


def test_the_collections_that_one_sees() -> None:
    assert [each["name"] for each in client_of("nina").get("/api/knowledge/collections/").json()["results"]] == [
        "shelf"
    ]
    nobody = client_of("stranger", group="none")
    assert nobody.get("/api/knowledge/collections/").json()["results"] == []
    assert nobody.get("/api/knowledge/collections/secret/documents/").status_code == 404


def test_a_form_that_is_too_large_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    nina = client_of("nina", "add_document")
    read: list[object] = []
    monkeypatch.setattr("rest_framework.parsers.MultiPartParser.parse", lambda *given, **named: read.append(given))
    # The file has 60,000,000 bytes; the form around it some more.
    answer = nina.post(SHELF, {"file": SimpleUploadedFile("a.md", b"x")}, CONTENT_LENGTH="60000198")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "too_large")
    assert "has 60 MB; 50 MB are allowed" in answer.json()["error"]["message"]
    assert not read
