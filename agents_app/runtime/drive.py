"""Driving runs: claim, prepare, perform, settle, again; and further due runs beside, while calls wait."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine
from functools import partial
from typing import Any
from uuid import UUID

from django.db import DatabaseError, InterfaceError, OperationalError

from agents_app.conf import conf
from agents_app.core.status import ENDED
from agents_app.definitions.registry import registry
from agents_app.exceptions import LLMError, StaleContext, UnknownAgent
from agents_app.models import AgentContext, database_now
from agents_app.runtime.engines import Engine, be_replaced, engine, worn_out
from agents_app.runtime.heartbeat import heartbeat
from agents_app.runtime.held import Act, Held, ReconcileAct, SleepAct, ThinkAct, ToolAct
from agents_app.runtime.iterate import Reconciled, abandon, leave_alone, prepare, settle
from agents_app.runtime.perform import perform
from agents_app.runtime.results import raised
from agents_app.runtime.shutdown import closing
from agents_app.transitions import claims

logger = logging.getLogger("agents_app.runtime")

UNKNOWN_CODE_SECONDS = 5.0
UNKNOWN_CODE_PATIENCE = 600.0
"""A run whose agent this worker does not know is left to others, looked at again, and failed in the end."""

RECORD_AGAIN_SECONDS = 0.5
"""Between two attempts to record an outcome when the database is away."""

SOON_SECONDS = 5.0
"""Within this time before a run is due a drive stays to wake it, rather than leave it to the sweep."""


def continue_run(run_id: str) -> None:
    """Drive this run, and others that are due, for one slice. Never raises."""
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
        where.run(lambda on: Drive(on, others=True).run([first]))
        if worn_out():
            be_replaced()
    except Exception:
        logger.exception("Driving failed; the lease runs out and the run is taken again.", extra={"run_id": run_id})


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
        due = claims.due_run_ids(conf.RUNS_PER_WORKER, alone=True)
        if not due:
            return rounds
        engine().run(lambda on, due=due: Drive(on, others=False).run(due))  # type: ignore[misc]
    return limit


class Drive:
    """One slice of work on a loop. others: besides the runs given, take what is due."""

    def __init__(self, on: Engine, *, others: bool) -> None:
        self._on = on
        self._others = others
        self._over = time.monotonic() + conf.SLICE_SECONDS
        self._holding: dict[asyncio.Task[None], Held] = {}

    async def run(self, first: list[UUID]) -> None:
        """Drive until nothing is held and nothing is due soon, or the slice is over."""
        try:
            for run_id in first:
                await self._take(run_id)
            while self._holding or (self._others and await self._due_soon()):
                if self._over <= time.monotonic() or worn_out() or closing.is_set():
                    await self._drain()
                    return
                await self._take_due()
                await self._wait(conf.POLL_SECONDS)
        finally:
            await self._stop()

    async def _due_soon(self) -> bool:
        if self._over <= time.monotonic():
            return False
        try:
            return await self._on.database(claims.due_within, SOON_SECONDS)
        except (DatabaseError, InterfaceError):
            logger.warning("It cannot be seen what is due; the sweep will.", exc_info=True)
            return False

    async def _wait(self, seconds: float) -> None:
        if not self._holding:
            await asyncio.sleep(seconds)
            return
        done, _ = await asyncio.wait(self._holding, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            del self._holding[task]

    async def _take_due(self) -> None:
        room = conf.RUNS_PER_WORKER - len(self._holding)
        if not self._others or room <= 0:
            return
        try:
            due = await self._on.database(claims.due_run_ids, room)
            if not due and not self._holding:
                # One whose last worker died is taken when nothing else is here.
                due = await self._on.database(partial(claims.due_run_ids, 1, alone=True))
        except (DatabaseError, InterfaceError):
            logger.warning("It cannot be seen what is due; the next look may.", exc_info=True)
            return
        for run_id in due:
            await self._take(run_id)

    async def _take(self, run_id: UUID) -> None:
        """Take a run, if it is to be had. What goes wrong here must not touch the runs that are held already."""
        try:
            await self._claim(run_id)
        except StaleContext as lost:
            logger.info("Gave up a run: %s", lost, extra={"run_id": run_id})
        except Exception:
            logger.exception("A run could not be taken; the sweep will hint at it.", extra={"run_id": run_id})

    async def _claim(self, run_id: UUID) -> None:
        asked = time.monotonic()
        claim = await self._on.database(claims.claim, run_id)
        if claim is None:
            return
        if claim.deaths:
            # Its last worker died: it is driven alone, so that it takes no other run with it if it kills again.
            self._others = False
        held = await self._on.database(_hold, claim, self._on.inline)
        if held is not None:
            held.renewed = asked
            task = asyncio.create_task(self._guard(held, hold(self._on, held)))
            self._holding[task] = held

    async def _guard(self, held: Held, work: Coroutine[Any, Any, None]) -> None:
        """One run's failure must not touch the others."""
        try:
            if not held.inline:
                heartbeat.add(held)
            await work
        except StaleContext as lost:
            logger.info("Gave up a run: %s", lost, extra={"run_id": held.run_id})
        except Exception:
            logger.exception("A run failed to be driven; its lease runs out.", extra={"run_id": held.run_id})
        finally:
            heartbeat.remove(held)

    async def _drain(self) -> None:
        """The slice is over: what is open may end, nothing new is opened."""
        for held in self._holding.values():
            held.draining = True
            held.on_news()
        if self._holding:
            await asyncio.wait(self._holding, timeout=conf.DRAIN_SECONDS)

    async def _stop(self) -> None:
        """Give up what is still held, as if the worker had died."""
        for task in self._holding:
            task.cancel()
        if self._holding:
            await asyncio.wait(self._holding)


def _hold(claim: claims.Claim, inline: bool) -> Held | None:
    """The claimed run with its agent's definition; None if this worker knows the agent, or a tool of a waiting call,
    not (yet): during a deploy another one does."""
    name = AgentContext.objects.values_list("agent", flat=True).get(pk=claim.run_id)
    try:
        definition = registry.get(name)
    except UnknownAgent as error:
        _leave_alone(claim, error.message, then=(error.code, error.message))
        return None
    strange = sorted(claims.startable_tools(claim.run_id) - set(definition.tools))
    if strange and _leave_alone(claim, f"The agent {name} has no tool {', '.join(strange)} here.", then=None):
        return None
    return Held(claim=claim, definition=definition, inline=inline)


def _leave_alone(claim: claims.Claim, why: str, then: tuple[str, str] | None) -> bool:
    logger.warning("%s", why, extra={"run_id": claim.run_id})
    return leave_alone(claim, seconds=UNKNOWN_CODE_SECONDS, patience=UNKNOWN_CODE_PATIENCE, then=then)


async def hold(on: Engine, held: Held) -> None:
    """Drive one claimed run until it is given back, has ended, or is lost."""
    running: dict[asyncio.Task[Any], Act] = {}
    news = asyncio.Event()
    loop = asyncio.get_running_loop()

    def tell() -> None:
        loop.call_soon_threadsafe(news.set)

    held.on_news = tell
    try:
        acts = await on.database(prepare, held)
        while True:
            for act in acts:
                held.open(act)
                running[asyncio.create_task(perform(on, held, act))] = act
            if not running:
                return
            acts = await _next(on, held, running, news)
    except asyncio.CancelledError:
        await _give_up(on, held, running)
        raise
    finally:
        await _cancel(running)


async def _next(on: Engine, held: Held, running: dict[asyncio.Task[Any], Act], news: asyncio.Event) -> list[Act]:
    """Wait for an act to end, or for news of the run, and act on it."""
    listening = asyncio.create_task(news.wait())
    try:
        done, _ = await asyncio.wait({*running, listening}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        listening.cancel()
    acts: list[Act] = []
    for task in done - {listening}:
        act = running[task]
        held.close(act)
        outcome = _cancelled(act) if task.cancelled() else task.result()
        acts += await _settled(on, held, act, outcome)
        # Not before: whoever gives the run up while this is being recorded must know that the act was made.
        del running[task]
    if listening in done:
        news.clear()
        acts += await _on_news(on, held, running)
    return acts


def _cancelled(act: Act) -> Any:
    """What an act comes to that ended by cancellation: a turn that was given up, or a tool that cancelled itself."""
    if isinstance(act, ToolAct):
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
