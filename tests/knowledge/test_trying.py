"""The search box on a collection's page."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from agents_app.knowledge.models import Collection
from tests.knowledge.shelf import collection, shelve

pytestmark = pytest.mark.django_db


@pytest.fixture
def page() -> Any:
    made = collection(public=False)
    shelve(made, [("refunds", "Refunds", "A broken lamp is <b>refunded</b>."), ("delivery", "Delivery", "Three days.")])
    boss = User.objects.create_superuser("boss")
    client = Client()
    client.force_login(boss)

    def get(**query: str) -> str:
        answer = client.get(f"/admin/agents_knowledge/collection/{made.pk}/change/", query)
        assert answer.status_code == 200
        return answer.content.decode()

    return get


def test_a_question_shows_what_is_found_and_why(page: Any) -> None:
    text = page(query="refunding lamps")
    assert "score " in text
    assert "by words: place 1" in text
    assert "words found: " in text
    assert "A broken lamp is &lt;b&gt;refunded&lt;/b&gt;." in text
    assert "No vectors are searched" in text
    assert "Three days." not in text


def test_without_a_question_nothing_is_searched(page: Any) -> None:
    text = page()
    assert "Try a question" in text
    assert "Nothing is found" not in text
    assert "Nothing is found" in page(query="zebras")
    assert "Nothing is found" in page(query='")(* AND')


def test_who_does_not_see_the_collection_cannot_try_it(page: Any) -> None:
    client = Client()
    client.force_login(User.objects.create_user("stranger", is_staff=True))
    address = f"/admin/agents_knowledge/collection/{Collection.objects.get().pk}/change/"
    assert "refunded" not in client.get(address, {"query": "lamp"}, follow=True).content.decode()
