"""The pages of LLMs: what is down since when and why, and the button that lets it be asked again."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.test import Client
from django.urls import reverse

from agents_app.models import LLMState, database_now
from tests.admin.conftest import list_of, told
from tests.office import person

NAME = "openrouter:openai/gpt-5"
PAGE = reverse("admin:agents_app_llmstate_change", args=[quote(NAME)], urlconf="tests.admin.urls")
CLOSE = reverse("admin:agents_app_llmstate_close", args=[quote(NAME)], urlconf="tests.admin.urls")


@pytest.fixture(autouse=True)
def down(db: None) -> LLMState:
    now = database_now()
    until = now + timedelta(seconds=30)
    LLMState.objects.create(name="fine", requests_full_at=now)
    return LLMState.objects.create(
        name=NAME, failures=10, opened_at=now, open_until=until, error_code="unavailable", error="No <b>answer</b>."
    )


@pytest.fixture
def client_of(db: None) -> Any:
    def client(*permissions: str) -> Client:
        client = Client()
        client.force_login(person(f"user-{len(permissions)}", *permissions, is_staff=True))
        return client

    return client


def test_the_list_says_what_is_down(client_of: Any) -> None:
    text = client_of("agents_app.view_llmstate").get(list_of("llmstate")).content.decode()
    assert PAGE in text
    assert "<h1>LLMs</h1>" in text
    assert text.count("Down</span>") == 1
    assert text.count("Up</span>") == 1


def test_a_viewer_reads_why_and_has_no_button(client_of: Any) -> None:
    client = client_of("agents_app.view_llmstate")
    text = client.get(PAGE).content.decode()
    assert "No &lt;b&gt;answer&lt;/b&gt;. (unavailable)" in text
    assert "Ask again now" not in text
    answer = client.post(CLOSE)
    assert "close_breaker" in told(answer)
    assert LLMState.objects.get(name=NAME).open_until is not None


def test_who_may_closes_it_once_and_it_is_logged(client_of: Any) -> None:
    client = client_of("agents_app.close_breaker")
    assert "Ask again now" in client.get(PAGE).content.decode()
    assert client.get(CLOSE)["Location"] == PAGE
    assert LLMState.objects.get(name=NAME).open_until is not None, "a look closes nothing"
    answer = client.post(CLOSE)
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    assert "is asked again" in told(answer)
    assert LLMState.objects.get(name=NAME).open_until is None
    assert LogEntry.objects.get().object_repr == NAME
    assert "Ask again now" not in client.get(PAGE).content.decode()


def test_nobody_else(client_of: Any) -> None:
    client = client_of()
    assert client.get(list_of("llmstate")).status_code == 403
    assert client.get(PAGE).status_code == 404
    assert client.post(CLOSE).status_code == 404
