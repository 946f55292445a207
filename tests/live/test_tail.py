"""Readers get every event once and in order, whatever carries the news, and however slow they are."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.test import override_settings

from agents_app.core.transcript import LLMReply, LLMRequest
from agents_app.definitions.registry import override_llm, registry
from agents_app.exceptions import NotFound
from agents_app.live import feed as feed_module
from agents_app.live import publish
from agents_app.live import tail as tail_module
from agents_app.live.database import in_database
from agents_app.live.ears import PollEar
from agents_app.live.feed import Feed
from agents_app.live.frames import DeltaFrame, EventFrame
from agents_app.live.news import Look
from agents_app.live.tail import tail
from agents_app.models import AgentContext
from agents_app.services import start_run
from agents_app.testing.kit import AgentsKit
from tests.live.runs import Quiet, add_events

SOON = 30.0


@pytest.fixture(params=["auto", "poll", "channels"])
def _each_way(request: pytest.FixtureRequest) -> Iterator[None]:
    options: dict[str, Any] = {"AGENTS_APP": {**settings.AGENTS_APP, "LIVE": request.param, "LIVE_POLL_SECONDS": 0.05}}
    if request.param == "channels":
        url = request.getfixturevalue("redis_url")
        layer = {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [url]}}
        options["CHANNEL_LAYERS"] = {"default": layer}
    with override_settings(**options):
        yield


@pytest.fixture
def _seldom_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """What arrives was told, not found by the regular comparison."""
    monkeypatch.setattr(tail_module, "COMPARE_SECONDS", 60.0)


def reader(run_id: UUID, *, after: int = 0, version: int = 1, deltas: bool = True, backlog: int = 0) -> Feed:
    return Feed(run_id, after=after, version=version, deltas=deltas, backlog=backlog)


async def take(feed: Feed, until: int) -> list[int]:
    """The numbers of the events up to this one, as they came."""
    numbers: list[int] = []
    async with asyncio.timeout(SOON):
        while not numbers or numbers[-1] < until:
            numbers += [frame.sequence for frame in await feed.next() if isinstance(frame, EventFrame)]
    return numbers


async def listening(feed: Feed, run_id: UUID) -> None:
    """Until the tail listens: pieces that nobody hears are dropped, so the first step repeats itself until then."""
    async with asyncio.timeout(SOON):
        while True:
            publish.delta(run_id, step=1, attempt=1, index=0, text="Hm")
            with suppress(TimeoutError):
                async with asyncio.timeout(0.2):
                    if any(isinstance(frame, DeltaFrame) for frame in await feed.next()):
                        return


async def take_text(feed: Feed, wanted: str) -> list[DeltaFrame]:
    """The pieces of the second step."""
    pieces: list[DeltaFrame] = []
    async with asyncio.timeout(SOON):
        while "".join(piece.text for piece in pieces) != wanted:
            frames = await feed.next()
            pieces += [frame for frame in frames if isinstance(frame, DeltaFrame) and frame.step == 2]
    return pieces


async def nothing_comes(feed: Feed) -> bool:
    try:
        async with asyncio.timeout(0.3):
            await feed.next()
    except TimeoutError:
        return True
    return False


@pytest.mark.asyncio
@pytest.mark.usefixtures("_each_way", "_seldom_compared")
async def test_what_was_then_what_comes_without_gap_or_duplicate(run_id: UUID) -> None:
    await in_database(add_events, run_id, 4)
    feed, late = reader(run_id, version=5), reader(run_id, after=3, version=5)
    async with tail().reading(feed), tail().reading(late):
        assert await take(feed, 5) == [1, 2, 3, 4, 5]
        assert await take(late, 5) == [4, 5]
        for version in (6, 7, 8):
            await in_database(add_events, run_id, 1)
            assert await take(feed, version) == [version]
        assert await take(late, 8) == [6, 7, 8]


@pytest.mark.asyncio
@pytest.mark.usefixtures("_each_way", "_seldom_compared")
async def test_changes_between_looking_and_listening_are_not_missed(run_id: UUID) -> None:
    writing = asyncio.create_task(in_database(add_events, run_id, 30))
    for _ in range(5):
        feed = reader(run_id)
        async with tail().reading(feed):
            await take(feed, 2)
    feed = reader(run_id)
    async with tail().reading(feed):
        assert await take(feed, 31) == list(range(1, 32))
    await writing


@pytest.mark.asyncio
@pytest.mark.usefixtures("_each_way", "_seldom_compared")
async def test_what_the_llm_writes_reaches_those_who_may_read_it(run_id: UUID) -> None:
    async with tail().reading(reader(run_id)) as feed, tail().reading(reader(run_id, deltas=False)) as viewer:
        assert await take(feed, 1) == await take(viewer, 1) == [1]
        await listening(feed, run_id)
        words = ["Your ", "order ", "is ", "on ", "its ", "way."]
        for index, word in enumerate(words):
            publish.delta(run_id, step=2, attempt=1, index=index, text=word)
            await asyncio.sleep(0.05)
        pieces = await take_text(feed, "".join(words))
        assert pieces[0].index == 0
        assert [piece.index for piece in pieces[1:]] == [
            len(pieces[0].text),
            *(piece.index + len(piece.text) for piece in pieces[1:-1]),
        ]
        assert await nothing_comes(viewer)


@pytest.mark.asyncio
async def test_all_is_found_by_looking_if_nothing_is_told(run_id: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail_module, "COMPARE_SECONDS", 0.2)
    monkeypatch.setattr(publish, "announce", lambda *args, **kwargs: None)
    async with tail().reading(reader(run_id)) as feed:
        assert await take(feed, 1) == [1]
        await in_database(AgentContext.objects.filter(pk=run_id).exists)
        await in_database(add_events, run_id, 2)
        assert await take(feed, 3) == [2, 3]


@pytest.mark.asyncio
async def test_a_reader_that_takes_nothing_holds_nobody_up_and_loses_nothing(run_id: UUID) -> None:
    async with tail().reading(reader(run_id)) as slow, tail().reading(reader(run_id)) as quick:
        for version in range(2, 12):
            await in_database(add_events, run_id, 1)
            assert (await take(quick, version))[-1] == version
        assert await take(slow, 11) == list(range(1, 12))


@pytest.mark.asyncio
async def test_long_histories_come_in_portions(run_id: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "ROWS", 4)
    await in_database(add_events, run_id, 9)
    async with tail().reading(reader(run_id, version=10)) as feed:
        assert [len(await feed.next()) for _ in range(3)] == [4, 4, 2]


@pytest.mark.asyncio
async def test_a_missing_number_stops_the_stream_instead_of_leaving_a_gap(
    run_id: UUID, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def without_second(run_id: UUID, after: int, limit: int) -> list[Any]:
        return [event for event in AgentContext.objects.get(pk=run_id).events.all() if event.sequence != 2][after:]

    await in_database(add_events, run_id, 3)
    monkeypatch.setattr(feed_module, "news_after", without_second)
    async with tail().reading(reader(run_id, version=4)) as feed:
        assert [frame.sequence for frame in await feed.next() if isinstance(frame, EventFrame)] == [1]
        assert await nothing_comes(feed)
        assert feed.cursor == 1
    assert "Event 2" in caplog.text


@pytest.mark.asyncio
async def test_who_does_not_read_is_too_slow_only_for_what_came_since(run_id: UUID) -> None:
    await in_database(add_events, run_id, 20)
    async with tail().reading(reader(run_id, version=21, backlog=5)) as feed:
        feed.heard(26)
        assert not feed.too_slow.is_set()
        feed.heard(27)
        assert feed.too_slow.is_set()


@pytest.mark.asyncio
async def test_a_cancelled_wait_loses_nothing(run_id: UUID) -> None:
    async with tail().reading(reader(run_id)) as feed:
        numbers: list[int] = []
        patience = 0.001
        writing = asyncio.create_task(in_database(add_events, run_id, 20))
        async with asyncio.timeout(SOON):
            while not numbers or numbers[-1] < 21:
                patience *= 1.1  # a machine may be so slow that one read takes longer than any fixed time
                with suppress(TimeoutError):
                    async with asyncio.timeout(patience):
                        numbers += [frame.sequence for frame in await feed.next() if isinstance(frame, EventFrame)]
                feed.heard(21)  # lets it read again at once
        await writing
        assert numbers == list(range(1, 22))


@pytest.mark.asyncio
async def test_a_deleted_run_ends_the_wait(run_id: UUID) -> None:
    with override_settings(AGENTS_APP={**settings.AGENTS_APP, "LIVE": "poll", "LIVE_POLL_SECONDS": 0.05}):
        async with tail().reading(reader(run_id)) as feed:
            assert await take(feed, 1) == [1]
            await in_database(AgentContext.objects.filter(pk=run_id).delete)
            with pytest.raises(NotFound):
                async with asyncio.timeout(SOON):
                    await feed.next()


@pytest.mark.asyncio
async def test_late_pieces_are_dropped(run_id: UUID) -> None:
    async with tail().reading(reader(run_id)) as feed:
        assert await take(feed, 1) == [1]
        await listening(feed, run_id)
        feed._ended = (3, 1)
        for step, attempt in [(2, 1), (3, 1), (3, 2), (4, 1)]:
            publish.delta(run_id, step=step, attempt=attempt, index=0, text=f"{step}.{attempt}")
            await in_database(publish.flush)
            await asyncio.sleep(0.02)
        async with asyncio.timeout(SOON):
            pieces: list[Any] = []
            while not pieces or (pieces[-1].step, pieces[-1].attempt) != (4, 1):
                pieces += await feed.next()
    assert {(piece.step, piece.attempt) for piece in pieces} <= {(3, 2), (4, 1)}


@pytest.mark.asyncio
async def test_nothing_is_left_when_the_last_reader_has_gone(run_id: UUID) -> None:
    async with tail().reading(reader(run_id)) as feed, tail().watching_inbox() as inbox:
        await take(feed, 1)
        assert (await inbox.next()).pending == 0
        assert tail()._task is not None
    assert tail()._task is None
    assert {task.get_name() for task in asyncio.all_tasks()} & {"agents_app.live.tail"} == set()


@pytest.mark.asyncio
async def test_a_database_that_is_away_for_a_moment_delays_only(run_id: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    real, failures = feed_module.news_after, iter([OperationalError("away"), OperationalError("away")])

    def sometimes(*args: Any, **kwargs: Any) -> Any:
        for failure in failures:
            raise failure
        return real(*args, **kwargs)

    monkeypatch.setattr(feed_module, "news_after", sometimes)
    monkeypatch.setattr(feed_module, "RETRY_SECONDS", 0.01)
    async with tail().reading(reader(run_id)) as feed:
        assert await take(feed, 1) == [1]


@pytest.mark.asyncio
async def test_while_the_carrier_is_away_the_rows_are_looked_at(
    run_id: UUID, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    monkeypatch.setattr(tail_module, "COMPARE_SECONDS", 0.1)
    url = f"redis://127.0.0.1:{unused_tcp_port}"
    layer = {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [url]}}
    with override_settings(AGENTS_APP={**settings.AGENTS_APP, "LIVE": "channels"}, CHANNEL_LAYERS={"default": layer}):
        async with tail().reading(reader(run_id)) as feed:
            assert await take(feed, 1) == [1]
            await in_database(add_events, run_id, 2)
            assert await take(feed, 3) == [2, 3]
        await in_database(publish.shutdown)


def text_of(frames: Sequence[Any]) -> str:
    return "".join(frame.text for frame in frames if isinstance(frame, DeltaFrame))


@pytest.mark.asyncio
async def test_a_real_run_is_heard_writing(transactional_db: None) -> None:
    heard = threading.Event()

    class Stammering:
        """What nobody heard is lost, so it is said again until somebody has."""

        async def respond(self, request: LLMRequest, on_text: Any = None) -> LLMReply:
            async with asyncio.timeout(SOON):
                while not heard.is_set():
                    for word in ("Your ", "order ", "is ", "on ", "its ", "way. "):
                        on_text(word)
                        await asyncio.sleep(0.02)
            return LLMReply(text="Your order is on its way.")

    def started() -> UUID:
        return start_run(Quiet, "hello").id

    quick = {**settings.AGENTS_APP, "LIVE_POLL_SECONDS": 0.05}
    with (
        registry.override(Quiet),
        override_settings(AGENTS_APP=quick),
        AgentsKit.opened() as kit,
        override_llm(Quiet, Stammering()),
    ):
        run_id = await in_database(started)
        async with tail().reading(reader(run_id)) as feed:
            assert await take(feed, 1) == [1]
            driving = asyncio.create_task(in_database(kit.run_until_idle))
            frames: list[Any] = []
            async with asyncio.timeout(SOON):
                while not any(isinstance(one, EventFrame) and one.event == "run.completed" for one in frames):
                    frames += await feed.next()
                    if "Your order is on its way." in text_of(frames):
                        heard.set()
            await driving
    assert heard.is_set()
    kinds = [type(frame) for frame in frames]
    assert kinds.index(EventFrame) < kinds.index(DeltaFrame)  # the step's start
    assert kinds[-1] is EventFrame


@pytest.mark.postgresql_only
@pytest.mark.asyncio
@pytest.mark.usefixtures("_seldom_compared")
async def test_a_listening_connection_that_is_cut_is_made_anew(run_id: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail_module, "BACK_OFF_SECONDS", 0.05)

    def cut() -> int:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query ~ '^LISTEN'"
                " AND datname = current_database()"
            )
            return int(cursor.fetchone()[0])

    async with tail().reading(reader(run_id)) as feed:
        assert await take(feed, 1) == [1]
        async with asyncio.timeout(SOON):
            while not await in_database(cut):  # noqa: ASYNC110 (another process answers)
                await asyncio.sleep(0.05)
        await in_database(add_events, run_id, 2)
        assert await take(feed, 3) == [2, 3]


@pytest.mark.sqlite_only
@pytest.mark.asyncio
async def test_sqlite_is_read_only_when_its_file_has_changed(run_id: UUID) -> None:
    with override_settings(AGENTS_APP={**settings.AGENTS_APP, "LIVE_POLL_SECONDS": 0.01}):
        ear = PollEar()
        await ear.open()
        assert await ear.hear(1.0) == [Look()]
        assert [await ear.hear(1.0) for _ in range(3)] == [[], [], []]
        await in_database(add_events, run_id, 1)
        assert await ear.hear(1.0) == [Look()]
        assert await ear.hear(1.0) == []
        await ear.close()
