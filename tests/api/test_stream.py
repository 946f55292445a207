"""A run's events as server-sent events."""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import AsyncClient, Client, override_settings
from rest_framework.authentication import BaseAuthentication

from agents_app.api import stream
from agents_app.live import publish
from agents_app.live.database import in_database
from agents_app.live.tail import tail
from agents_app.models import AgentContext
from agents_app.testing.kit import queue_off
from tests.live.runs import add_events, person, quiet_run

SOON = 30.0


@pytest.fixture(autouse=True)
def _quick() -> Iterator[None]:
    with queue_off(), override_settings(AGENTS_APP={**settings.AGENTS_APP, "LIVE_POLL_SECONDS": 0.05}):
        yield
        publish.shutdown()


@pytest.fixture
def owner(transactional_db: None) -> Any:
    return person("owner")


@pytest.fixture
def run_id(owner: Any) -> UUID:
    run_id = quiet_run(owner)
    add_events(run_id, 3)
    return run_id


def path_of(run_id: Any, query: str = "") -> str:
    return f"/api/runs/{run_id}/events/stream{query}"


def read(text: str) -> list[dict[str, str]]:
    """The events of a stream; a comment is {"comment": …}."""
    blocks = [dict(line.split(": ", 1) for line in block.splitlines()) for block in text.split("\n\n") if block]
    return [{name or "comment": value for name, value in block.items()} for block in blocks]


class Browser:
    """Reads a stream as it comes."""

    def __init__(self, response: Any) -> None:
        self.response = response
        self.blocks: list[dict[str, str]] = []

    async def until(self, found: Any) -> list[dict[str, str]]:
        async with asyncio.timeout(SOON):
            while not any(found(block) for block in self.blocks):
                self.blocks += read((await anext(self.chunks)).decode())
        return self.blocks

    async def until_event(self, number: int) -> list[str]:
        blocks = await self.until(lambda block: block.get("id") == str(number))
        return [block["id"] for block in blocks if "id" in block]

    async def ends(self) -> bool:
        async with asyncio.timeout(SOON):
            async for chunk in self.chunks:
                self.blocks += read(chunk.decode())
        return True

    async def __aenter__(self) -> "Browser":
        self.chunks: Any = aiter(self.response)
        return self

    async def __aexit__(self, *error: object) -> None:
        content: AsyncIterator[Any] = self.response._iterator
        async with aclosing(content):  # type: ignore[type-var]
            pass
        async with asyncio.timeout(SOON):
            while tail()._task is not None:  # noqa: ASYNC110 (Django leaves the inner generators to the loop)
                await asyncio.sleep(0.01)


async def opened(user: Any, path: str, **headers: Any) -> Browser:
    client = AsyncClient()
    await client.aforce_login(user)
    response = await client.get(path, headers=headers)
    assert response.status_code == 200, response.content
    return Browser(response)


@pytest.mark.asyncio
async def test_what_was_then_what_comes(run_id: UUID, owner: Any) -> None:
    async with await opened(owner, path_of(run_id)) as browser:
        assert browser.response["Content-Type"] == "text/event-stream"
        assert browser.response["Cache-Control"] == "no-cache"
        assert await browser.until_event(4) == ["1", "2", "3", "4"]
        await in_database(add_events, run_id, 1)
        assert await browser.until_event(5) == ["1", "2", "3", "4", "5"]
    first, hello, started = browser.blocks[:3]
    assert first == {"retry": "1000"}
    assert hello["event"] == "hello"
    assert json.loads(hello["data"])["version"] == 4
    assert started["event"] == "run.started"
    assert json.loads(started["data"])["data"]["agent"] == "quiet"


@pytest.mark.asyncio
async def test_a_browser_that_resumes_names_the_last_event_it_has(run_id: UUID, owner: Any) -> None:
    async with await opened(owner, path_of(run_id, "?after=1")) as browser:
        assert await browser.until_event(4) == ["2", "3", "4"]
    async with await opened(owner, path_of(run_id, "?after=1"), last_event_id="3") as browser:
        assert await browser.until_event(4) == ["4"]


@pytest.mark.asyncio
async def test_pieces_of_text_have_no_number(run_id: UUID, owner: Any) -> None:
    async with await opened(owner, path_of(run_id)) as browser:
        await browser.until_event(4)
        reading = asyncio.create_task(browser.until(lambda block: block.get("event") == "delta"))
        while not reading.done():  # until the tail listens
            publish.delta(run_id, step=1, attempt=1, index=0, text="Hel\nlo")
            await asyncio.wait([reading], timeout=0.1)
        delta = (await reading)[-1]
    assert "id" not in delta
    assert json.loads(delta["data"])["text"] == "Hel\nlo"


@pytest.mark.asyncio
async def test_silence_is_broken_by_comments(run_id: UUID, owner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.05)
    async with await opened(owner, path_of(run_id)) as browser:
        await browser.until(lambda block: block.get("comment") == "heartbeat")


@pytest.mark.asyncio
@pytest.mark.parametrize("end", ["logout", "account", "run"])
async def test_who_may_no_longer_look_is_cut_off(
    run_id: UUID, owner: Any, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(stream, "RECHECK_SECONDS", 0.05)
    async with await opened(owner, path_of(run_id)) as browser:
        await browser.until_event(4)
        await browser.until(lambda block: "comment" in block)
        if end == "logout":
            await in_database(Session.objects.all().delete)
        elif end == "account":
            await in_database(type(owner).objects.filter(pk=owner.pk).update, is_active=False)
        else:
            await in_database(AgentContext.objects.filter(pk=run_id).delete)
        assert await browser.ends()


def test_under_wsgi_a_stream_ends_and_is_resumed(run_id: UUID, owner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "WSGI_SECONDS", 0.2)
    client = Client()
    client.force_login(owner)
    response: Any = client.get(path_of(run_id, "?after=2"))
    blocks = read(b"".join(response).decode())
    assert [block["id"] for block in blocks if "id" in block] == ["3", "4"]
    add_events(run_id, 1)
    response = client.get(path_of(run_id), headers={"Last-Event-ID": "4"})
    assert [block["id"] for block in read(b"".join(response).decode()) if "id" in block] == ["5"]


# Errors before it starts.


def refused(response: Any) -> tuple[int, str]:
    assert set(response.json()["error"]) == {"code", "message", "details"}
    return response.status_code, response.json()["error"]["code"]


def test_nobody(run_id: UUID, client: Client) -> None:
    response = client.get(path_of(run_id))
    assert refused(response) == (401, "not_authenticated")
    assert response["WWW-Authenticate"] == 'Session realm="api"'


def test_a_wrong_password(run_id: UUID, client: Client) -> None:
    basic = b64encode(b"owner:wrong").decode()
    response = client.get(path_of(run_id), headers={"Authorization": f"Basic {basic}"})
    assert refused(response) == (401, "authentication_failed")


@pytest.mark.asyncio
async def test_the_authenticators_of_the_api_say_who_it_is(run_id: UUID, owner: Any) -> None:
    basic = b64encode(b"owner:secret").decode()
    response = await AsyncClient().get(path_of(run_id), headers={"Authorization": f"Basic {basic}"})
    async with Browser(response) as browser:
        await browser.until_event(4)


class Guest(BaseAuthentication):
    """Takes everybody for the stranger."""

    def authenticate(self, request: Any) -> Any:
        return person("guest"), None

    def authenticate_header(self, request: Any) -> str:
        return "Guest"


def test_other_authenticators_can_be_set(run_id: UUID, client: Client) -> None:
    mine = {**settings.AGENTS_APP, "API_AUTHENTICATION_CLASSES": [f"{__name__}.Guest"]}
    with override_settings(AGENTS_APP=mine):
        assert refused(client.get(path_of(run_id))) == (404, "not_found")
    with override_settings(AGENTS_APP={**mine, "API_AUTHENTICATION_CLASSES": []}):
        assert refused(client.get(path_of(run_id))) == (401, "not_authenticated")


def test_a_foreign_run_is_not_there(run_id: UUID, client: Client) -> None:
    client.force_login(person("stranger"))
    assert refused(client.get(path_of(run_id))) == (404, "not_found")
    assert refused(client.get(path_of(uuid4()))) == (404, "not_found")
    assert refused(client.get(path_of("x"))) == (404, "not_found")


@pytest.mark.parametrize("after", ["-1", "x", "9223372036854775808", "1" * 5000])
def test_a_number_that_is_none(run_id: UUID, owner: Any, client: Client, after: str) -> None:
    client.force_login(owner)
    assert refused(client.get(path_of(run_id, f"?after={after}"))) == (400, "invalid_input")
    assert refused(client.get(path_of(run_id), headers={"Last-Event-ID": after})) == (400, "invalid_input")


def test_other_methods(run_id: UUID, owner: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    response = client.post(path_of(run_id))
    assert refused(response) == (405, "method_not_allowed")
    assert response["Allow"] == "GET"


def test_it_works_with_transactions_around_requests(
    run_id: UUID, owner: Any, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    monkeypatch.setattr(stream, "WSGI_SECONDS", 0.0)
    client.force_login(owner)
    response: Any = client.get(path_of(run_id))
    assert response.status_code == 200
    assert b"hello" in b"".join(response)
