"""ws/runs/<id>/: what was, then what comes; for whom; and clients that behave badly."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.test import override_settings

from agents_app.live import publish
from agents_app.live.database import in_database
from agents_app.live.feed import Feed
from agents_app.live.tail import tail
from agents_app.models import AgentContext, AgentEvent
from agents_app.ws import sockets
from tests.live.runs import add_events
from tests.ws.clients import SOON, Client, Deaf, application, connected, headers_of

pytestmark = pytest.mark.asyncio
Headers = list[tuple[bytes, bytes]]


@pytest.fixture
def owners(owner: Any) -> Headers:
    return headers_of(user=owner)


def path_of(run_id: UUID, query: str = "") -> str:
    return f"/ws/runs/{run_id}/{query}"


async def test_the_first_frame_says_how_it_stands(run_id: UUID, owners: Headers) -> None:
    await in_database(add_events, run_id, 1)
    async with connected(path_of(run_id, "?after=1"), owners) as client:
        assert await client.frame() == {
            "type": "hello",
            "run": str(run_id),
            "status": "paused",
            "version": 2,
            "after": 1,
        }


async def test_an_event_is_told_as_it_is_recorded(run_id: UUID, owners: Headers) -> None:
    async with connected(path_of(run_id), owners) as client:
        event = (await client.frames_until(1))[-1]
    row = await in_database(AgentEvent.objects.get, context_id=run_id, sequence=1)
    assert {**event, "at": None} == {
        "type": "event",
        "sequence": 1,
        "event": "run.started",
        "at": None,
        "data": row.data,
    }
    assert event["at"].startswith(row.at.isoformat()[:19])


async def test_what_was_then_what_comes(run_id: UUID, owners: Headers) -> None:
    await in_database(add_events, run_id, 3)
    async with connected(path_of(run_id), owners) as client:
        assert await client.events_until(4) == [1, 2, 3, 4]
        await in_database(add_events, run_id, 2)
        assert await client.events_until(6) == [5, 6]


async def test_a_reconnect_in_the_middle_goes_on_without_gap_or_duplicate(run_id: UUID, owners: Headers) -> None:
    seen: list[int] = []
    writing = asyncio.create_task(in_database(add_events, run_id, 24))
    while len(seen) < 25:
        async with connected(path_of(run_id, f"?after={len(seen)}"), owners) as client:
            seen += await client.events_until(min(len(seen) + 6, 25))
    await writing
    assert seen == list(range(1, 26))


@pytest.mark.parametrize("after", ["5", "9223372036854775807"])
async def test_a_number_that_is_not_there_yet_means_from_now_on(run_id: UUID, owners: Headers, after: str) -> None:
    async with connected(path_of(run_id, f"?after={after}"), owners) as client:
        assert (await client.frame())["after"] == 1
        await in_database(add_events, run_id, 1)
        assert await client.events_until(2) == [2]


@pytest.mark.parametrize("after", ["-1", "x", "", "1.5", "9223372036854775808", "1" * 5000, "١"])
async def test_a_number_that_is_none_is_refused(run_id: UUID, owners: Headers, after: str) -> None:
    async with connected(path_of(run_id, f"?after={after}"), owners) as client:
        assert await client.closed_with() == 4400


# Who may.


async def test_nobody_is_sent_away(run_id: UUID) -> None:
    async with connected(path_of(run_id)) as client:
        assert await client.closed_with() == 4401


async def test_an_account_that_is_closed_is_nobody(run_id: UUID, owner: Any, owners: Headers) -> None:
    await in_database(get_user_model().objects.filter(pk=owner.pk).update, is_active=False)
    async with connected(path_of(run_id), owners) as client:
        assert await client.closed_with() == 4401


async def test_a_foreign_run_is_not_there(run_id: UUID, stranger: Any) -> None:
    async with connected(path_of(run_id), await in_database(headers_of, user=stranger)) as client:
        assert await client.closed_with() == 4404


@pytest.mark.parametrize("name", ["00000000-0000-4000-8000-000000000000", "1", "x' OR 1=1", "%00"])
async def test_a_run_that_does_not_exist(owners: Headers, name: str) -> None:
    async with connected(f"/ws/runs/{name}/", owners) as client:
        assert await client.closed_with() == 4404


async def test_a_page_of_another_site_is_forbidden(run_id: UUID, owner: Any) -> None:
    headers = await in_database(headers_of, user=owner, origin="https://evil.example")
    async with connected(path_of(run_id), headers) as client:
        assert await client.closed_with() == 4403


async def test_our_own_page_is_allowed(run_id: UUID, owner: Any) -> None:
    headers = await in_database(headers_of, user=owner, origin="http://testserver")
    async with connected(path_of(run_id), headers) as client:
        assert (await client.frame())["type"] == "hello"


async def test_what_the_llm_writes_is_for_those_who_may_read_the_transcript(
    run_id: UUID, owners: Headers, viewer: Any
) -> None:
    viewers = await in_database(headers_of, user=viewer)
    with override_settings(AGENTS_APP={**settings.AGENTS_APP, "LIVE_POLL_SECONDS": 0.05}):
        async with connected(path_of(run_id), owners) as mine, connected(path_of(run_id), viewers) as theirs:
            assert await mine.events_until(1) == await theirs.events_until(1) == [1]
            async with asyncio.timeout(SOON):
                while await mine.receive_nothing(timeout=0.1):  # until the tail listens
                    publish.delta(run_id, step=2, attempt=1, index=0, text="Hello")
            assert await mine.frame() == {"type": "delta", "step": 2, "attempt": 1, "index": 0, "text": "Hello"}
            assert await theirs.receive_nothing(timeout=0.3)


# For how long.


@pytest.fixture
def _checked_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "RECHECK_SECONDS", 0.05)


@pytest.mark.usefixtures("_checked_often")
async def test_a_logout_ends_it(run_id: UUID, owners: Headers) -> None:
    async with connected(path_of(run_id), owners) as client:
        await client.events_until(1)
        assert await client.receive_nothing(timeout=0.3)
        await in_database(Session.objects.all().delete)
        assert await client.closed_with() == 4401


@pytest.mark.usefixtures("_checked_often")
async def test_a_permission_that_is_taken_away_ends_it(run_id: UUID, viewer: Any) -> None:
    async with connected(path_of(run_id), await in_database(headers_of, user=viewer)) as client:
        await client.events_until(1)
        await in_database(viewer.user_permissions.clear)
        assert await client.closed_with() == 4404


@pytest.mark.usefixtures("_checked_often")
async def test_a_deleted_run_ends_it(run_id: UUID, owners: Headers) -> None:
    async with connected(path_of(run_id), owners) as client:
        await client.events_until(1)
        await in_database(AgentContext.objects.filter(pk=run_id).delete)
        assert await client.closed_with() == 4404


async def test_nothing_is_left_when_the_client_has_gone(run_id: UUID, owners: Headers) -> None:
    async with connected(path_of(run_id), owners) as client:
        await client.events_until(1)
    assert tail()._task is None
    assert len(asyncio.all_tasks()) == 1


async def test_nothing_is_left_when_the_server_stops(run_id: UUID, owners: Headers) -> None:
    client = Client(application, path_of(run_id), headers=owners)
    await client.connect(timeout=SOON)
    await client.events_until(1)
    client.future.cancel()
    await asyncio.wait([client.future])
    assert tail()._task is None


async def test_an_error_of_ours_closes_and_is_logged(
    run_id: UUID, owners: Headers, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(self: Feed) -> Any:
        raise KeyError("a mistake")

    monkeypatch.setattr(Feed, "next", fail)
    async with connected(path_of(run_id), owners) as client:
        assert await client.closed_with() == 1011
    assert "a mistake" in caplog.text


async def test_a_connection_that_breaks_while_we_send_is_no_error_of_ours(
    run_id: UUID, owners: Headers, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Deaf):
        async def send(self, message: dict[str, Any]) -> None:
            if message["type"] == "websocket.send":
                raise ConnectionResetError
            await super().send(message)

    client = Broken(path_of(run_id), owners, after=0)
    async with client.connected():
        await asyncio.wait_for(client.closed.wait(), SOON)
    assert client.sent[-1]["code"] == 1001
    assert "failed" not in caplog.text


# Clients that do not read.


async def test_a_client_that_stops_reading_holds_nobody_up_and_gets_all_when_it_reads(
    run_id: UUID, owners: Headers
) -> None:
    slow = Deaf(path_of(run_id), owners, after=2)
    async with slow.connected(), connected(path_of(run_id), owners) as quick:
        for version in range(2, 12):
            await in_database(add_events, run_id, 1)
            await quick.events_until(version)
        async with asyncio.timeout(SOON):
            await slow.stuck.wait()
        assert slow.events == [1]
        slow.reads.set()
        async with asyncio.timeout(SOON):
            while len(slow.events) < 11:  # noqa: ASYNC110 (frames are counted, not signalled)
                await asyncio.sleep(0.01)
        assert slow.events == list(range(1, 12))
        assert not slow.closed.is_set()


async def test_who_falls_too_far_behind_is_cut_off(run_id: UUID, owners: Headers) -> None:
    await in_database(add_events, run_id, 8)
    with override_settings(AGENTS_APP={**settings.AGENTS_APP, "SOCKET_BACKLOG": 5, "LIVE_POLL_SECONDS": 0.05}):
        slow = Deaf(path_of(run_id), owners, after=2)
        async with slow.connected():
            async with asyncio.timeout(SOON):
                await slow.stuck.wait()
            await in_database(add_events, run_id, 5)  # as many as may wait; what was before it came does not count
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(slow.closed.wait(), 0.5)
            await in_database(add_events, run_id, 1)
            await asyncio.wait_for(slow.closed.wait(), SOON)
    assert slow.sent[-1]["code"] == 4408


async def test_who_takes_nothing_for_long_is_cut_off(
    run_id: UUID, owners: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "SEND_SECONDS", 0.2)
    slow = Deaf(path_of(run_id), owners, after=0)
    async with slow.connected():
        await asyncio.wait_for(slow.closed.wait(), SOON)
    assert slow.sent[-1]["code"] == 4408
