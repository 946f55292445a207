"""The part of the sweep that is about event handlers: what they have not heard of is hinted at again."""

import logging
from uuid import UUID

from agents_app.core.subscriptions import subscriptions
from agents_app.models import database_now
from agents_app.runtime.telling import hint_at_due
from agents_app.transitions import cursors, hints

logger = logging.getLogger("agents_app.recovery")

MOST = 500
"""Hints of one pass."""

MOST_AT_ONCE = 20
"""Hints of one look for what has just fallen due."""


def remind(dry_run: bool = False) -> tuple[UUID, ...]:
    """Send a wake-up for each run with events that a handler of this code has not heard of; those runs.

    Also looks, in portions, for events that nobody noted for a new handler. Calls no handler.
    """
    if not subscriptions:
        return ()
    names = subscriptions.names()
    if not dry_run:
        cursors.register(names, database_now())
        cursors.look_back()
    overdue = cursors.overdue(names, MOST)
    if dry_run:
        return tuple(dict.fromkeys(cursor.context_id for cursor in overdue))
    reminded: dict[UUID, None] = {}
    for cursor in overdue:
        if cursor.context_id not in reminded and not hints.send_hint(cursor.context_id):
            break  # the queue is down; the next pass tries again
        reminded[cursor.context_id] = None
        cursors.note_hint(cursor)
    if reminded:
        logger.info("Sent %s wake-ups for event handlers.", len(reminded))
    hint_at_due()
    return tuple(reminded)


def wake_retries() -> bool:
    """Send a wake-up for tries that are to be repeated by now: cheap enough for twice a second.

    Says whether the queue took them all.
    """
    if not subscriptions:
        return True
    for cursor in cursors.to_repeat(subscriptions.names(), MOST_AT_ONCE):
        if not hints.send_hint(cursor.context_id):
            return False
        cursors.note_hint(cursor)
    return True
