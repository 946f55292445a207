"""Driving runs: claim, prepare, perform, settle, again; and further due runs beside, while calls wait."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from django.db import DatabaseError, InterfaceError, OperationalError

from agents_app.conf import conf
from agents_app.core.status import ENDED
from agents_app.exceptions import LLMError, StaleContext
from agents_app.logs import about, note_facts
from agents_app.models import AgentContext, database_now
from agents_app.runtime.alone import pass_on, turns
from agents_app.runtime.database_threads import Hung
from agents_app.runtime.delivery import delivers
from agents_app.runtime.engines import Engine, be_replaced, engine, worn_out
from agents_app.runtime.heartbeat import heartbeat
from agents_app.runtime.held import Act, Held, ReconcileAct, SleepAct, ThinkAct, ToolAct
from agents_app.runtime.iterate import Reconciled, abandon, prepare, settle
from agents_app.runtime.limits import limits_of
from agents_app.runtime.perform import perform
from agents_app.runtime.results import raised
from agents_app.runtime.shutdown import closing, slice_and_drain
from agents_app.runtime.taking import take
from agents_app.transitions import claims, slots

logger = logging.getLogger("agents_app.runtime")
T = TypeVar("T")

RECORD_AGAIN_SECONDS = 0.5
"""Between two attempts to record an outcome when the database is away."""

SOON_SECONDS = 5.0
"""Within this time before a run is due a drive stays to wake it, rather than leave it to the sweep."""

START_AT_ONCE = 50
"""While so many that were taken have not begun, the others are left to whoever is faster: no lease is spent waiting."""

AGAIN_SECONDS = 0.05
"""At least between two looks for what is due."""


@delivers
def continue_run(run_id: str, *, seconds: float | None = None) -> None:
    """Drive this run, and others that are due, for one slice; with `seconds` it alone, within them. Never raises."""
    try:
        first = UUID(str(run_id))
    except ValueError:
        logger.error("A queue message names no run: %r", run_id)
        return
    if closing.is_set():
        return  # the row says that it is due
    try:
        where = engine()
        if where.inline:
            drive_to_rest(first)
            return
        where.run(lambda on: Drive(on, others=seconds is None, seconds=seconds).run([first]))
        if worn_out():
            be_replaced()
    except Exception:
        logger.exception("Driving failed; the lease runs out and the run is taken again.", extra={"run_id": run_id})


@delivers
def drive_to_rest(run_id: UUID) -> None:
    """Drive one run here until it has ended, waits for people, or for a time that is not near."""
    while True:
        engine().run(lambda on: Drive(on, others=False).run([run_id]))
        known = AgentContext.objects.exclude(status__in=ENDED).filter(pk=run_id, unknown_since__isnull=True)
        due = known.values_list("due_at", flat=True).first()
        wait = None if due is None else (due - database_now()).total_seconds()
        if wait is None or wait > SOON_SECONDS:
            return
        time.sleep(max(wait, 0.0))


def drive_due(limit: int = 1000) -> int:
    """Drive every run that is due now, one round after the other, until none is; how many rounds that took."""
    for rounds in range(limit):
        due = claims.due_run_ids(conf.RUNS_PER_WORKER) or claims.due_run_ids(1, alone=True)
        if not due:
            return rounds
        engine().run(lambda on, due=due: Drive(on, others=False).run(due))  # type: ignore[misc]
    return limit


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """That a run is driven: by which task, and since which monotonic moment."""

    task: asyncio.Task[None]
    since: float


class Drive:
    """One slice of work on a loop. others: besides the runs given, take what is due. seconds: the most it may take."""

    def __init__(self, on: Engine, *, others: bool, seconds: float | None = None) -> None:
        self._on, self._others = on, others
        slice_seconds, self._drain_seconds = slice_and_drain(seconds)
        self._over = time.monotonic() + slice_seconds
        self._holding: dict[Held, Hold] = {}
        self._stir = asyncio.Event()
        self._emptying = False
        self._looked, self._look_at = 0.0, time.monotonic() + AGAIN_SECONDS  # those given come first

    async def run(self, first: list[UUID]) -> None:
        """Drive until nothing is held and nothing is due soon, or the slice is over."""
        try:
            await self._take_first(first)
            while self._holding or self._emptying or (self._others and await self._due_soon()):
                if self._over <= time.monotonic() or worn_out() or closing.is_set():
                    await self._drain()
                    return
                await self._look()
                await self._wait()
        finally:
            await self._stop()

    async def _due_soon(self) -> bool:
        if self._over <= time.monotonic():
            return False
        return await self._see(partial(claims.due_within, SOON_SECONDS), False)

    async def _wait(self) -> None:
        """Until it is time to look; earlier when a run is given back."""
        try:
            async with asyncio.timeout(min(self._look_at - time.monotonic(), conf.POLL_SECONDS)):
                await self._stir.wait()
        except TimeoutError:
            return
        self._stir.clear()
        self._look_at = min(self._look_at, self._looked + AGAIN_SECONDS)

    # Taking.

    async def _take_first(self, first: list[UUID]) -> None:
        """Those given; but before them the one whose turn it is, if its last worker died: it waits for empty hands."""
        if self._others and turns.come() and await self._take_one_alone():
            await self._on.database(pass_on, first, self._holding)
            return
        for run_id in first:
            await self._take(lambda run_id=run_id: [claims.claim(run_id, limits=limits_of)])  # type: ignore[misc]

    async def _take_one_alone(self) -> bool:
        """Take the one whose turn it is, nothing else being here. Whether its last worker died."""
        await self._take(partial(claims.claim_due, 1, alone=True, limits=limits_of))
        return not self._others

    async def _look(self) -> None:
        """If it is time: take what is due, as far as there is room."""
        now = time.monotonic()
        if now < self._look_at:
            return
        self._looked, self._look_at = now, now + conf.POLL_SECONDS
        if not self._others or await self._empties():
            return
        room = min(conf.RUNS_PER_WORKER - len(self._holding), START_AT_ONCE - self._not_begun())
        if room <= 0:
            await self._make_way()
        elif await self._take(partial(claims.claim_due, room, limits=limits_of)) == room:
            self._look_at = now + AGAIN_SECONDS
        elif not self._holding:
            await self._take_one_alone()

    async def _empties(self) -> bool:
        """While it is the turn of a run whose last worker died nothing else is taken, and what is here goes on
        elsewhere after its present step; unless another worker was faster."""
        if not self._holding and self._emptying:
            self._emptying = False
            return await self._take_one_alone()
        if not self._holding or not (self._emptying or turns.come()):
            return False
        if self._emptying != await self._see(claims.next_is_alone, False):
            self._emptying = not self._emptying
            for held in self._holding:
                held.draining = self._emptying
                held.on_news()
        return self._emptying

    async def _see(self, look: Callable[[], T], unseen: T) -> T:
        try:
            return await self._on.database(look)
        except (DatabaseError, InterfaceError):
            logger.warning("It cannot be seen what is due; the next look may, or the sweep will.", exc_info=True)
            return unseen

    def _not_begun(self) -> int:
        return sum(held.first_look for held in self._holding)

    async def _take(self, claim: Callable[[], Sequence[claims.Claim | None]]) -> int:
        """Take runs, if they are to be had, and say how many. What goes wrong must not touch those that are held."""
        try:
            found = await self._on.database(take, claim, self._on.inline)
        except (DatabaseError, InterfaceError):
            logger.warning("Nothing can be taken now; the next look may, or the sweep will hint.", exc_info=True)
            return 0
        except Exception:
            logger.exception("Runs could not be taken; the sweep will hint at them.")
            return 0
        for held in found:
            if held.claim.deaths:
                # Its last worker died: it is driven alone, so that it takes no other run with it if it kills again.
                self._others = False
            task = asyncio.create_task(self._guard(held))
            self._holding[held] = Hold(task=task, since=time.monotonic())
            task.add_done_callback(partial(self._gone, held))
        return len(found)

    def _gone(self, held: Held, _: asyncio.Task[None]) -> None:
        del self._holding[held]
        self._stir.set()

    async def _make_way(self) -> None:
        """The worker is full: where others are due, those that were held for long go to the back of the queue, so that
        a run of a thousand steps does not keep out short ones. Each has made at least one step."""
        going, long = sum(held.draining for held in self._holding), len(self._held_long())
        if not long:
            return
        due: list[UUID] = await self._see(partial(claims.due_run_ids, going + long), [])
        for held in self._held_long()[: max(len(due) - going, 0)]:
            held.draining = True
            held.on_news()

    def _held_long(self) -> list[Held]:
        """Those that could give way, first who was held longest."""
        before = time.monotonic() - conf.HOLD_SECONDS
        return [held for held, hold in self._holding.items() if hold.since <= before and _can_go(held)]

    # Holding.

    async def _guard(self, held: Held) -> None:
        """One run's failure must not touch the others."""
        try:
            note_facts(run_id=held.run_id)
            if not held.inline:
                heartbeat.add(held)
            await hold(self._on, held)
        except StaleContext as lost:
            logger.info("Gave up a run: %s", lost, extra={"run_id": held.run_id})
        except Hung as hung:
            logger.error("Gave up a run: %s; its lease runs out.", hung, extra={"run_id": held.run_id})
        except Exception:
            logger.exception("A run failed to be driven; its lease runs out.", extra={"run_id": held.run_id})
        finally:
            held.lost = True  # whatever of it is still under way in a thread writes nothing any more
            heartbeat.remove(held)
            if held.claim.limited:
                await self._free_slots(held)

    async def _free_slots(self, held: Held) -> None:
        try:
            await self._on.database(slots.free, held.run_id, held.claim.number)
        except Exception:
            # They are free anyway, since the lease is; who waits for them looks again by and by.
            logger.warning("Nobody was called to a free slot.", exc_info=True, extra={"run_id": held.run_id})

    async def _drain(self) -> None:
        """The slice is over: what is open may end, nothing new is opened."""
        for held in self._holding:
            held.draining = True
            held.on_news()
        if self._holding:
            await asyncio.wait(self._tasks(), timeout=self._drain_seconds)

    async def _stop(self) -> None:
        """Give up what is still held, as if the worker had died."""
        for task in self._tasks():
            task.cancel()
        if self._holding:
            await asyncio.wait(self._tasks())

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [hold.task for hold in self._holding.values()]


def _can_go(held: Held) -> bool:
    return not held.draining and not held.first_look


async def hold(on: Engine, held: Held) -> None:
    """Drive one claimed run until it is given back, has ended, or is lost."""
    running: dict[asyncio.Task[Any], Act] = {}
    news, stir, loop = asyncio.Event(), asyncio.Event(), asyncio.get_running_loop()

    def hear() -> None:
        news.set()
        stir.set()

    def tell() -> None:
        loop.call_soon_threadsafe(hear)

    held.on_news = tell
    try:
        acts = await on.database(prepare, held)
        while True:
            for act in acts:
                held.open(act)
                task = asyncio.create_task(perform(on, held, act))
                task.add_done_callback(lambda _: stir.set())
                running[task] = act
            if not running:
                return
            await stir.wait()
            stir.clear()
            acts = await _next(on, held, running, news)
    except asyncio.CancelledError:
        await _give_up(on, held, running)
        raise
    finally:
        await _cancel(running)


async def _next(on: Engine, held: Held, running: dict[asyncio.Task[Any], Act], news: asyncio.Event) -> list[Act]:
    """Act on what has ended, and on news of the run."""
    acts: list[Act] = []
    for task in [task for task in running if task.done()]:
        act = running[task]
        held.close(act)
        outcome = _cancelled(act) if task.cancelled() else task.result()
        acts += await _settled(on, held, act, outcome)
        # Not before: whoever gives the run up while this is being recorded must know that the act was made.
        del running[task]
    if news.is_set():
        news.clear()
        acts += await _on_news(on, held, running)
    return acts


def _cancelled(act: Act) -> Any:
    """What an act comes to that ended by cancellation: a turn that was given up, or a tool that cancelled itself."""
    if isinstance(act, ToolAct):
        with about(call_id=act.call_id, tool=act.tool.name):
            return raised(act.tool, asyncio.CancelledError())
    if isinstance(act, ReconcileAct):
        return Reconciled(said=None)
    return LLMError("Cancelled.", code="cancelled")


async def _settled(on: Engine, held: Held, act: Act, outcome: Any) -> list[Act]:
    """Record what an act came to, and give the acts that follow. An atomic call has recorded itself."""
    if not isinstance(outcome, list):
        return await _recorded(on, held, act, outcome)
    return outcome + await on.database(prepare, held) if held.unjudged else outcome


async def _recorded(on: Engine, held: Held, act: Act, outcome: Any) -> list[Act]:
    """While the database is away what was done must not be forgotten: it is recorded as soon as it is back.

    Safe to repeat, because an attempt is settled once. Given up only when the lease has run out.
    """
    while True:
        try:
            return await on.database(settle, held, act, outcome)
        except (OperationalError, InterfaceError):
            if held.inline or not held.lease_holds():
                raise
            logger.warning("An outcome could not be recorded yet.", exc_info=True, extra={"run_id": held.run_id})
            await asyncio.sleep(RECORD_AGAIN_SECONDS)


async def _on_news(on: Engine, held: Held, running: dict[asyncio.Task[Any], Act]) -> list[Act]:
    if held.lost:
        raise StaleContext("The lease was lost.")
    for task, act in list(running.items()):
        if isinstance(act, ThinkAct) and held.cancel_requested:
            task.cancel()
        if isinstance(act, SleepAct):
            # The run is looked at now; if there is still nothing to do it sleeps anew.
            del running[task]
            held.close(act)
            task.cancel()
    return await on.database(prepare, held)


async def _give_up(on: Engine, held: Held, running: dict[asyncio.Task[Any], Act]) -> None:
    acts = list(running.values())
    await _cancel(running)
    with contextlib.suppress(StaleContext):
        await on.database(abandon, held, acts)


async def _cancel(running: dict[asyncio.Task[Any], Act]) -> None:
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running)
    running.clear()
