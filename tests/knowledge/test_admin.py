"""The pages of collections and documents: who sees them, what they say, and what they do."""

import io
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection
from django.test import Client, override_settings
from django.utils.html import escape

from agents_app.knowledge import indexing, ingest, tasks
from agents_app.knowledge.admin import collections
from agents_app.knowledge.ingesting import make_collection
from agents_app.knowledge.models import Chunk, Collection, Document
from agents_app.models import clock
from agents_app.testing.embedder import DIMENSION
from tests.knowledge.pdfs import pdf

pytestmark = pytest.mark.django_db
BASE = "/admin/agents_knowledge/"
EMBEDDER = "agents_app.testing.embedder.HashingEmbedder"


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path) -> Iterator[Collection]:
    """A collection that the group "support" sees."""
    with override_settings(
        AGENTS_APP={**settings.AGENTS_APP, "KNOWLEDGE_FOLDER": str(tmp_path / "store"), "EXECUTOR": "django_q2"}
    ):
        shelf = make_collection("shelf", title="The shelf")
        shelf.viewers.add(Group.objects.create(name="support"))
        yield shelf


def client_of(*permissions: str, group: str = "support", superuser: bool = False) -> Client:
    user = User.objects.create_user("nina", is_staff=True, is_superuser=superuser)
    user.groups.set(Group.objects.filter(name=group))
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def text_of(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(BASE + address)
    assert answer.status_code == status, answer
    return answer.content.decode()


def read_one(**more: Any) -> Document:
    given = {"content": "# Returns\n\nWithin 30 days <b>.", "key": "returns.md", **more}
    document = ingest("shelf", given.pop("content"), **given).document
    indexing.read_document(document.pk)
    return Document.objects.get(pk=document.pk)


def test_collections_with_their_state(shelf: Collection) -> None:
    read_one()
    read_one(content=b"", key="empty.md")
    client = client_of()
    listed = text_of(client, "collection/")
    assert "support" in listed
    assert "Can be found" in listed
    assert "Cannot be read" in listed
    page = text_of(client, f"collection/{shelf.pk}/change/")
    assert "This document is empty." in page
    assert "none: full text only" in page
    assert "Add documents" not in page


def vectors_of(client: Client, row: Collection) -> str:
    """What the collection's page says of its vectors."""
    return text_of(client, f"collection/{row.pk}/change/").partition("Vectors")[2].partition("Add ")[0]


def test_vectors_that_are_not_searched_say_so(shelf: Collection) -> None:
    client = client_of()
    read_one()
    with override_settings(AGENTS_APP={**settings.AGENTS_APP, "EMBEDDER": EMBEDDER}):
        call_command("agents_ingest", stdout=io.StringIO())
        assert f"1 by {EMBEDDER}" in vectors_of(client, shelf)
        assert "not searched" not in vectors_of(client, shelf)
    assert "not searched, since the settings name no embedder: full text only" in vectors_of(client, shelf)


@pytest.mark.parametrize("indexed", [True, False])
def test_vectors_without_an_index_say_so(shelf: Collection, monkeypatch: Any, indexed: bool) -> None:
    """On PostgreSQL, where there can be one."""
    monkeypatch.setattr(collections, "has_index", lambda dimension: indexed and dimension == DIMENSION)
    client = client_of()
    read_one()
    with override_settings(AGENTS_APP={**settings.AGENTS_APP, "EMBEDDER": EMBEDDER}):
        call_command("agents_ingest", stdout=io.StringIO())
        can = connection.vendor == "postgresql"
        assert ("agents_knowledge_setup" in vectors_of(client, shelf)) is (can and not indexed)


def test_a_document_says_what_is_found_of_it_and_what_went_wrong() -> None:
    good, bad = read_one(), read_one(content=pdf(streams=[b"q Q"]), key="scan.pdf")
    client = client_of()
    assert "2 results" in text_of(client, "document/") or "2 documents" in text_of(client, "document/")
    page = text_of(client, f"document/{good.pk}/change/")
    assert "Within 30 days &lt;b&gt;." in page
    assert "returns.md › Returns" in page
    assert "Read again" not in page
    page = text_of(client, f"document/{bad.pk}/change/")
    assert "it is probably scanned" in page
    assert "no_text" in page


def test_pages_of_what_is_being_read_go_on_by_themselves(shelf: Collection) -> None:
    document = ingest("shelf", "Words.", key="a.md").document
    client = client_of()
    pages = (f"document/{document.pk}/", f"collection/{shelf.pk}/")
    known = []
    for page in pages:
        shown = text_of(client, f"{page}change/")
        assert f'data-live="{BASE}{page}news/"' in shown
        assert "data-ended" not in shown
        known.append(re.search(r'data-known="([^"]+)"', shown)[1])  # type: ignore[index]
        news = client.get(f"{BASE}{page}news/?known={known[-1]}").json()
        assert (news["parts"], news["ended"]) == ({}, False)
    indexing.read_document(document.pk)
    for page, before in zip(pages, known, strict=True):
        news = client.get(f"{BASE}{page}news/?known={before}").json()
        assert "Can be found" in news["parts"]["state"]
        assert news["ended"]
        assert "data-ended" in text_of(client, f"{page}change/")
    assert "Words." in client.get(f"{BASE}document/{document.pk}/news/").json()["parts"]["passages"]


def test_what_nobody_takes_says_so(shelf: Collection) -> None:
    document = ingest("shelf", "Words.", key="a.md").document
    client = client_of()
    pages = (f"document/{document.pk}/change/", f"collection/{shelf.pk}/change/")
    assert not [page for page in pages if "agents_cluster" in text_of(client, page)]
    with clock.moved(timedelta(minutes=3)):
        assert not [page for page in pages if "agents_cluster" not in text_of(client, page)]


def test_who_does_not_see_the_collection_sees_nothing(shelf: Collection) -> None:
    document = read_one()
    client = client_of("add_document", "change_document", "delete_document", group="none")
    assert client.get(f"{BASE}collection/{shelf.pk}/news/").status_code == 404
    for address in ("change/", "again/", "news/"):
        address = f"document/{document.pk}/{address}"
        assert client.get(BASE + address).status_code in (403, 404)
        assert client.post(BASE + address).status_code in (403, 404)
    assert client.get(f"{BASE}document/").status_code == 403
    assert client.get(f"{BASE}document/add/").status_code == 403
    assert client.get(f"{BASE}collection/{shelf.pk}/change/").status_code in (302, 403)
    assert client.post(f"{BASE}document/{document.pk}/delete/", {"post": "yes"}).status_code in (302, 403)
    assert Document.objects.count() == 1


def test_an_upload_of_several_files(shelf: Collection) -> None:
    client = client_of("add_document")
    assert 'type="file"' in text_of(client, "document/add/?collection=shelf")
    files = [
        SimpleUploadedFile("a.md", b"# A\n\nWords.", "text/markdown"),
        SimpleUploadedFile("b.pdf", pdf("Page one"), "application/pdf"),
    ]
    given = {"collection": "shelf", "metadata": '{"lang": "en"}', "documents": files}
    answer = client.post(f"{BASE}document/add/", given)
    assert (answer.status_code, answer["Location"]) == (302, f"{BASE}collection/{shelf.pk}/change/")
    assert list(Document.objects.order_by("key").values_list("key", "source", "added_by_name")) == [
        ("a.md", "upload", "nina"),
        ("b.pdf", "upload", "nina"),
    ]
    assert Document.objects.filter(metadata={"lang": "en"}).count() == 2


def test_an_upload_that_is_refused_says_why_and_keeps_the_others() -> None:
    client = client_of("add_document")
    files = [SimpleUploadedFile("a.zip", b"PK\x03\x04"), SimpleUploadedFile("b.md", b"Words.")]
    answer = client.post(f"{BASE}document/add/", {"collection": "shelf", "documents": files})
    assert answer.status_code == 400
    assert "a.zip: This is a ZIP archive" in answer.content.decode()
    assert Document.objects.get().key == "b.md"
    given = {"collection": "shelf", "documents": files[1:], "metadata": "[1]"}
    assert "Enter a JSON object" in client.post(f"{BASE}document/add/", given).content.decode()
    assert client.post(f"{BASE}document/add/", {}).status_code == 400


def test_the_same_file_again_is_told_to_be_there_and_why_it_cannot_be_read(shelf: Collection) -> None:
    client = client_of("add_document")

    def uploaded() -> str:
        file = SimpleUploadedFile("a.pdf", b"%PDF-1.7 and no more", "application/pdf")
        given = {"collection": "shelf", "documents": [file]}
        return client.post(f"{BASE}document/add/", given, follow=True).content.decode()

    assert "“a.pdf” is accepted" in uploaded()
    assert "“a.pdf” is there already, and has not changed." in uploaded()
    indexing.read_document(Document.objects.get().pk)
    reason = Document.objects.get().reason
    assert reason
    assert f"“a.pdf” is there already, has not changed, and cannot be read: {escape(reason)}" in uploaded()


def test_an_upload_without_a_file_says_so() -> None:
    answer = client_of("add_document").post(f"{BASE}document/add/", {"collection": "shelf"})
    assert answer.status_code == 400
    assert "This field is required." in answer.content.decode()
    assert not Document.objects.exists()


def test_read_again_and_taken_out(django_capture_on_commit_callbacks: Any) -> None:
    document = read_one()
    client = client_of("change_document", "delete_document")
    assert "Read again" in text_of(client, f"document/{document.pk}/change/")
    assert client.post(f"{BASE}document/{document.pk}/again/").status_code == 302
    assert Document.objects.get().revision == 2
    indexing.read_document(document.pk)
    selected = {"action": "read_selected_again", "_selected_action": [str(document.pk)]}
    client.post(f"{BASE}document/", selected)
    assert Document.objects.get().revision == 3
    assert client.post(f"{BASE}document/{document.pk}/delete/", {"post": "yes"}).status_code == 302
    assert (Document.objects.count(), Chunk.objects.count()) == (0, 0)


def test_collections_are_made_changed_and_taken_away(shelf: Collection) -> None:
    read_one()
    client = client_of(superuser=True)
    given = {"name": "new", "title": "New", "public": "on", "description": "", "permission": "", "viewers": []}
    assert client.post(f"{BASE}collection/add/", given).status_code == 302
    assert Collection.objects.get(name="new").public
    page = text_of(client, f"collection/{shelf.pk}/delete/")
    assert "Documents: 1" in page
    assert client.post(f"{BASE}collection/{shelf.pk}/delete/", {"post": "yes"}).status_code == 302
    text_of(client, "collection/")  # which tells that it is deleted
    assert "The shelf" not in text_of(client, "collection/")
    assert "returns.md" not in text_of(client, "document/")
    tasks.remove_collection(str(shelf.pk))
    assert Document.objects.count() == 0
