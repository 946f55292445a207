"""The search over REST: what it answers, what it refuses, who finds what; and how it is described."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from rest_framework.test import APIClient

from agents_app.knowledge.models import Document
from tests.knowledge.shelf import collection, shelve

pytestmark = pytest.mark.django_db
SEARCH = "/api/knowledge/search/"
Ask = Callable[..., Any]


@pytest.fixture
def ask() -> Ask:
    """Ask as a member of "support", who sees the shelf and what is public."""
    support = Group.objects.create(name="support")
    shelf = collection("shelf", public=False)
    shelf.viewers.add(support)
    shelve(shelf, [("refunds", "Refunds", "A broken lamp is refunded.")], lang="en")
    shelve(shelf, [("lampen", "Lampen", "Eine lamp wird erstattet.")], lang="de")
    shelve(collection("secret", public=False), [("margin", "Margins", "The margin on a lamp is forty percent.")])
    shelve(collection("open"), [("care", "Care", "A lamp wants care.")])
    User.objects.create_user("nina").groups.add(support)

    def ask(person: str = "nina", **body: Any) -> Any:
        client = APIClient()
        if person:
            client.force_authenticate(User.objects.get(username=person))
        return client.post(SEARCH, {"query": "broken lamp", "collections": ["shelf"], **body}, format="json")

    return ask


def keys(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.json()
    return [each["key"] for each in answer.json()["results"]]


def test_passages_with_where_they_stand(ask: Ask) -> None:
    answer = ask().json()
    assert (answer["mode"], answer["error"]) == ("text", None)
    assert "No vectors are searched" in answer["notes"][0]
    first = answer["results"][0]
    document = Document.objects.get(key="refunds")
    assert (first["document"], first["collection"], first["key"]) == (str(document.pk), "shelf", "refunds")
    assert (first["title"], first["source"], first["text"]) == ("Refunds", "Refunds", "A broken lamp is refunded.")
    assert (first["metadata"], first["page"], first["why"]) == ({"lang": "en"}, None, None)
    assert first["score"] > answer["results"][1]["score"]


def test_fewer_others_and_filtered(ask: Ask) -> None:
    assert keys(ask(top_k=1)) == ["refunds"]
    assert keys(ask(filters={"lang": "de"})) == ["lampen"]
    assert set(keys(ask(collections=["shelf", "open", "open"]))) == {"refunds", "lampen", "care"}
    assert keys(ask(query="zebra")) == []
    assert keys(ask(mode="vectors")) == []


@pytest.mark.parametrize(
    "body",
    [
        {"mode": "best"},
        {"top_k": 0},
        {"top_k": 101},
        {"top_k": "5"},
        {"filters": []},
        {"filters": {"lang": {}}},
        {"filters": dict.fromkeys("abcdefghijklmnopqrstu", 1)},
        {"collections": []},
        {"collections": "shelf"},
        {"query": None},
        {"odd": 1},
    ],
    ids=range(11),
)
def test_what_cannot_be_used_is_refused(ask: Ask, body: dict[str, Any]) -> None:
    answer = ask(**body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_input")


def test_a_question_of_100_000_characters_is_searched_by_its_beginning(ask: Ask) -> None:
    answer = ask(query="broken lamp " * 9_000)
    assert set(keys(answer)) == {"refunds", "lampen"}
    assert "long" in answer.json()["notes"][0]


def test_everybody_finds_what_they_may_see(ask: Ask) -> None:
    User.objects.create_user("stranger")
    User.objects.create_superuser("boss")
    found = {
        person: [ask(person, collections=[name]).status_code for name in ("open", "shelf", "secret", "nowhere")]
        for person in ("", "stranger", "nina", "boss")
    }
    assert found == {
        "": [401, 401, 401, 401],
        "stranger": [200, 404, 404, 404],
        "nina": [200, 200, 404, 404],
        "boss": [200, 200, 200, 404],
    }
    assert ask("stranger", collections=["open", "secret"]).status_code == 404


def test_why_is_told_to_those_who_may_view_all(ask: Ask) -> None:
    refused = ask(explain=True)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_permitted")
    keeper = User.objects.create_user("keeper")
    keeper.user_permissions.add(Permission.objects.get(codename="view_collection"))
    why = ask("keeper", explain=True).json()["results"][0]["why"]
    assert (why["text_rank"], why["vector_rank"], why["vector_score"]) == (1, None, None)
    assert why["text_score"] > 0
    assert set(why["words"]) == {"broken", "lamp"}


@pytest.mark.once
def test_knowledge_describes_itself() -> None:
    answer = Client().get("/api/knowledge/schema/", headers={"accept": "application/vnd.oai.openapi+json"})
    description = json.loads(answer.content)
    assert description["info"]["title"] == "Knowledge"
    names = {each["operationId"] for methods in description["paths"].values() for each in methods.values()}
    assert names == {
        "knowledge_collections",
        "knowledge_documents",
        "knowledge_documents_add",
        "knowledge_documents_read",
        "knowledge_documents_read_again",
        "knowledge_documents_remove",
        "knowledge_search",
    }
    add = description["paths"]["/api/knowledge/collections/{name}/documents/"]["post"]
    assert set(add["requestBody"]["content"]) == {"application/json", "multipart/form-data"}
    found = description["components"]["schemas"]["AgentFound"]
    assert set(found["properties"]) == {"mode", "notes", "error", "seconds", "results"}
