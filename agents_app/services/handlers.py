"""Commands on event handlers that were parked."""

from typing import Any

from django.db import transaction
from django.utils.translation import gettext

from agents_app.conf import conf
from agents_app.core.subscriptions import subscriptions
from agents_app.exceptions import WrongState
from agents_app.models import EventCursor
from agents_app.selectors.handlers import CONTROL_CURSOR, may_control_cursors, next_event, visible_cursors
from agents_app.selectors.people import lacking
from agents_app.selectors.runs import one_of
from agents_app.transitions import cursors
from agents_app.transitions.hints import wake_handlers


def release_handler(cursor_id: Any, *, by: Any, skip: bool = False, event: int | None = None) -> EventCursor:
    """Let a parked event handler go on with its run. skip: without the event that it could not take.

    event: the number of the event that is meant to be skipped, so that no other is. Raises NotFound, NotPermitted, and
    WrongState if it is not parked, is by now at another event, or if the code here does not know the handler.
    """
    cursor: EventCursor = one_of(visible_cursors(by), cursor_id)
    if not may_control_cursors(by):
        raise lacking(CONTROL_CURSOR)
    left_out = next_event(cursor) if skip else None
    if skip and left_out is None:
        raise WrongState(
            gettext("The code here does not say which event %(handler)s is told next.") % {"handler": cursor.handler},
            code="not_parked",
        )
    if left_out and event is not None and left_out.sequence != event:
        raise WrongState(
            gettext("It is at another event by now: %(sequence)s, not %(event)s.")
            % {"sequence": left_out.sequence, "event": event},
            code="not_parked",
        )
    with transaction.atomic(using=conf.DATABASE):
        if not cursors.release(cursor, past=left_out.sequence if left_out else None):
            raise WrongState(gettext("This event handler is not parked (any more)."), code="not_parked")
        transaction.on_commit(lambda: wake_handlers(cursor.context_id, False), using=conf.DATABASE, robust=True)
    cursor.refresh_from_db()
    return cursor


def forget_handler(name: str, *, by: Any) -> int:
    """Remove the rows of a handler that is gone from the code; how many cursors there were.

    Raises NotPermitted, and WrongState while the code has it.
    """
    if not may_control_cursors(by):
        raise lacking(CONTROL_CURSOR)
    if name in subscriptions.names():
        raise WrongState(
            gettext("%(name)s is still in the code: take the decorator @on away first.") % {"name": name},
            code="known_handler",
        )
    return cursors.forget(name)
