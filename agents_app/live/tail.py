"""One tail per event loop (so one per server process): it hears of news for all its readers, and wakes them.

It compares the `version` of the runs that somebody watches, never a global number; every few seconds also where
something tells it of news, because what tells may fail.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID
from weakref import WeakKeyDictionary

from agents_app.live.database import in_database
from agents_app.live.ears import Ear, new_ear
from agents_app.live.ending import end
from agents_app.live.feed import Feed
from agents_app.live.inbox import InboxFeed, waiting
from agents_app.live.news import Changed, Delta, News
from agents_app.live.way import Way, way
from agents_app.models import PartialReply
from agents_app.selectors.runs import versions_of

logger = logging.getLogger("agents_app.live")

COMPARE_SECONDS = 5.0
"""At least so often the rows are compared, whatever was heard."""
INBOX_SECONDS = 0.5
"""At most so often the inbox is counted."""
BACK_OFF_SECONDS = 1.0
RUNS_PER_QUERY = 500


class Tail:
    """Runs while it has readers."""

    def __init__(self) -> None:
        self._feeds: defaultdict[UUID, set[Feed]] = defaultdict(set)
        self._inboxes: set[InboxFeed] = set()
        self._task: asyncio.Task[None] | None = None
        self._joined = asyncio.Event()
        self._compared = 0.0
        self._inbox_due: float | None = None

    @asynccontextmanager
    async def reading(self, feed: Feed) -> AsyncIterator[Feed]:
        """Wake this feed while the block lasts."""
        self._feeds[feed.run_id].add(feed)
        self._start()
        try:
            yield feed
        finally:
            self._feeds[feed.run_id].discard(feed)
            if not self._feeds[feed.run_id]:
                del self._feeds[feed.run_id]
            await self._stop_if_idle()

    @asynccontextmanager
    async def watching_inbox(self) -> AsyncIterator[InboxFeed]:
        """Hints about what waits for people, while the block lasts."""
        feed = InboxFeed()
        self._inboxes.add(feed)
        self._start()
        try:
            feed.heard(await in_database(waiting))
            yield feed
        finally:
            self._inboxes.discard(feed)
            await self._stop_if_idle()

    def _start(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="agents_app.live.tail")

    async def _stop_if_idle(self) -> None:
        if self._feeds or self._inboxes or self._task is None:
            return
        task, self._task = self._task, None
        await end(task)

    async def _run(self) -> None:
        failures = 0
        while self._task is asyncio.current_task():
            ear: Ear | None = None
            try:
                ear = new_ear(way())
                await ear.open()
                await self._compare()
                failures = 0
                await self._listen(ear)
            except Exception:
                failures += 1
                logger.warning("Live news cannot be heard now; trying again.", exc_info=failures == 1)
            finally:
                if ear is not None:
                    await _close(ear)
            await self._bridge(failures)

    async def _bridge(self, failures: int) -> None:
        """While nothing can be heard the rows may still be there."""
        await asyncio.sleep(min(BACK_OFF_SECONDS * failures, COMPARE_SECONDS))
        try:
            await self._compare()
        except Exception:
            logger.debug("The rows cannot be read either.", exc_info=True)

    async def _listen(self, ear: Ear) -> None:
        while self._task is asyncio.current_task():
            news = await ear.hear(self._patience())
            look = self._tell(news)
            if look or time.monotonic() - self._compared >= COMPARE_SECONDS:
                await ear.check()
                await self._compare()
            elif self._inbox_due is not None and self._inbox_due <= time.monotonic():
                await self._count_inbox()

    def _patience(self) -> float:
        now = time.monotonic()
        due = [self._compared + COMPARE_SECONDS, *([self._inbox_due] if self._inbox_due is not None else [])]
        return max(min(due) - now, 0.0)

    def _tell(self, news: Sequence[News]) -> bool:
        """Pass on what concerns our readers; says whether the rows must be looked at."""
        look = False
        for one in news:
            if isinstance(one, Delta):
                for feed in self._feeds.get(one.run_id, ()):
                    feed.heard_delta(one)
            elif isinstance(one, Changed):
                for feed in self._feeds.get(one.run_id, ()):
                    feed.heard(one.version)
                if self._inboxes and self._inbox_due is None:
                    self._inbox_due = time.monotonic() + INBOX_SECONDS
            else:
                look = True
        return look

    async def _compare(self) -> None:
        self._compared = time.monotonic()
        runs = list(self._feeds)
        for start in range(0, len(runs), RUNS_PER_QUERY):
            await self._compare_some(runs[start : start + RUNS_PER_QUERY])
        if way() is Way.POLL:
            await self._read_partials()
        if self._inboxes:
            await self._count_inbox()

    async def _compare_some(self, runs: list[UUID]) -> None:
        versions = await in_database(versions_of, runs)
        for run_id in runs:
            for feed in self._feeds.get(run_id, ()):
                if run_id in versions:
                    feed.heard(versions[run_id])
                else:
                    feed.lost()

    async def _read_partials(self) -> None:
        runs = [run_id for run_id, feeds in self._feeds.items() if any(feed.deltas for feed in feeds)]
        for row in await in_database(_partials_of, runs) if runs else ():
            for feed in self._feeds.get(row.pk, ()):
                feed.heard_partial(row)

    async def _count_inbox(self) -> None:
        self._inbox_due = None
        now = await in_database(waiting)
        for feed in self._inboxes:
            feed.heard(now)


def _partials_of(run_ids: list[UUID]) -> list[PartialReply]:
    return list(PartialReply.objects.filter(pk__in=run_ids[:RUNS_PER_QUERY]))


async def _close(ear: Ear) -> None:
    try:
        await ear.close()
    except Exception:
        logger.debug("A broken connection could not be closed.", exc_info=True)


_tails: "WeakKeyDictionary[asyncio.AbstractEventLoop, Tail]" = WeakKeyDictionary()


def tail() -> Tail:
    """The tail of the running event loop."""
    loop = asyncio.get_running_loop()
    return _tails.setdefault(loop, Tail()) if loop not in _tails else _tails[loop]
