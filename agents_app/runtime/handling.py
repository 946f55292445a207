"""Calling event handlers: in order per run, each at least once, none under a transaction of the run."""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from asgiref.sync import async_to_sync
from django.db import close_old_connections, connections, transaction

from agents_app.conf import conf
from agents_app.core.back_off import doubled
from agents_app.core.canonical import clean_text
from agents_app.core.events import RecordedEvent
from agents_app.core.failpoints import failpoint
from agents_app.definitions.handlers import Handler, handlers
from agents_app.logs import about
from agents_app.models import database_now
from agents_app.selectors.handlers import events_for
from agents_app.transitions import cursors
from agents_app.transitions.hints import send_hint

logger = logging.getLogger("agents_app.handlers")

MARGIN_SECONDS = 15.0
"""Beyond its timeout a call is given this long before it may be made again elsewhere."""

FIRST_SECONDS, MOST_SECONDS = 5.0, 600.0
"""Before a failed try is repeated, doubling."""

AT_ONCE = 50
"""Events of one run that a handler is told in a row, before the next run has its turn."""


def never() -> bool:
    """Nobody wants it stopped."""
    return False


def deliver(stopped: Callable[[], bool] = never) -> int:
    """Call handlers until none is due, or `stopped()` says so; how many turns that took.

    Handlers take turns, so that one with much to do does not hold up the others. Raises what the database raises.
    """
    known = handlers.all()
    if not known:
        return 0
    cursors.register((handler.name for handler in known), database_now())
    turns = 0
    while not stopped() and (made := sum(_turn(handler, stopped) for handler in known)):
        turns += made
    return turns


def _turn(handler: Handler, stopped: Callable[[], bool]) -> bool:
    """Whether the handler had something to do."""
    taken = None if stopped() else cursors.take(handler.name, handler.timeout + MARGIN_SECONDS)
    if taken is None:
        return False
    if not Turn(handler, taken).take(stopped):
        text = "Event handler %s took longer than its timeout of %g s; it may have been called again."
        logger.warning(text, handler.name, handler.timeout, extra=_about(taken))
    return True


class Turn:
    """One handler and one run whose events it has not heard of."""

    def __init__(self, handler: Handler, taken: cursors.Taken) -> None:
        self._handler = handler
        self._taken = taken
        self._told = taken.sequence
        self._try = taken.attempt
        self._most = handler.attempts or int(conf.HANDLER_ATTEMPTS)

    def take(self, stopped: Callable[[], bool]) -> bool:
        """Tell it the events, until one fails. False if the claim was lost meanwhile."""
        if self._try > self._most:
            return self._park("The processes that called it died, or gave no sign in time.")
        events = events_for(self._handler.subscription, self._taken.run_id, self._told, AT_ONCE + 1)
        batch = events[:AT_ONCE]
        for event in batch:
            error = call(self._handler, event)
            if error is not None:
                return self._failed(event, error)
            failpoint("handler.returned", event)
            self._told = event.sequence
            if event is batch[-1] or stopped():
                break
            self._try = 1
            if not cursors.advance(self._taken, self._told, self._handler.timeout + MARGIN_SECONDS):
                return False
        if not events or self._told == events[-1].sequence:
            # Also past what was noted for it and is not for it (any more): when it was taken all that was committed.
            self._told = max(self._told, self._taken.wanted)
        return cursors.rest(self._taken, self._told)

    def _failed(self, event: RecordedEvent, error: BaseException) -> bool:
        why, _ = clean_text(f"Event {event.sequence} ({event.type}): {type(error).__name__}: {error}")
        if self._try >= self._most:
            return self._park(why)
        wait = doubled(FIRST_SECONDS, self._try - 1, MOST_SECONDS)
        failed = cursors.fail(self._taken, why, wait)
        if failed is not None:
            send_hint(self._taken.run_id, failed)
        return failed is not None

    def _park(self, why: str) -> bool:
        parked = cursors.park(self._taken, why)
        if parked:
            text = "Event handler %s is parked for this run, after %s tries. %s"
            logger.error(text, self._handler.name, self._most, why, extra=_about(self._taken))
        return parked


def call(handler: Handler, event: RecordedEvent) -> BaseException | None:
    """Call the handler; what it raised, if it did."""
    try:
        with about(run_id=event.run_id), _sound_connections():
            said = handler.function(event)
            if inspect.isawaitable(said):
                async_to_sync(_awaited)(said, handler.timeout)
    except (Exception, SystemExit) as error:
        text = "Event handler %s failed with event %s (%s)."
        extra = {"run_id": event.run_id, "handler": handler.name}
        logger.exception(text, handler.name, event.sequence, event.type, extra=extra)
        return error
    return None


@contextmanager
def _sound_connections() -> Iterator[None]:
    """Before and after a handler. Inside somebody's transaction (TestCase) its errors must not break the rest of it."""
    if connections[conf.DATABASE].in_atomic_block:
        with transaction.atomic(using=conf.DATABASE):
            yield
        return
    close_old_connections()
    try:
        yield
    finally:
        close_old_connections()


async def _awaited(said: Awaitable[Any], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        await said


def _about(taken: cursors.Taken) -> dict[str, Any]:
    return {"run_id": taken.run_id, "handler": taken.handler}
