"""Sending what is due. A way that is blocked holds up nobody else: see `runtime/telling.py`."""

import logging
from collections.abc import Callable
from typing import Any

from django.db import Error as DatabaseError

from agents_app.conf import conf
from agents_app.core.canonical import clean_text
from agents_app.core.status import ApprovalStatus, ToolCallStatus
from agents_app.models import Mode, Notification, ToolCall, database_now
from agents_app.notify import queue
from agents_app.notify.channels import Channel, ChannelDown, channels
from agents_app.notify.compose import compose
from agents_app.notify.messages import Message
from agents_app.notify.preferences import modes_on
from agents_app.notify.recipients import may_be_told, may_be_told_of_call
from agents_app.transitions.hints import send_hint

logger = logging.getLogger("agents_app.notify")


def due() -> list[str]:
    """The channels on which something can be sent now."""
    known = [name for name, channel in channels().items() if channel.sends]
    return queue.due_channels(known) if known else []


def send_on(name: str, stopped: Callable[[], bool]) -> int:
    """Send what is due on this channel, until nothing is, or it fails; how many were tried."""
    channel, taken = channels().get(name), queue.take(name)
    if channel is None or taken is None:
        return 0
    tried = 0
    try:
        while not stopped() and (rows := queue.begin(taken)):
            tried += len(rows)
            if not Try(channel, taken, rows).go():
                break
    finally:
        queue.give_back(taken)
    return tried


class Try:
    """One attempt to tell one reader of these notifications."""

    def __init__(self, channel: Channel, taken: queue.Taken, rows: list[Notification]) -> None:
        self._channel, self._taken, self._rows = channel, taken, rows

    def go(self) -> bool:
        """Whether the channel may go on with the next."""
        if self._died_of():
            return True
        try:
            self._rows = self._worth_telling()
            message = self._message() if self._rows else None
        except DatabaseError:
            raise  # it is about all of them, and nothing can be written down now
        except Exception as error:
            return self._failed(error)
        if message is None:
            return True
        try:
            self._channel.send(message)
        except Exception as error:
            return self._failed(error)
        queue.sent(self._taken, self._rows)
        return True

    def _died_of(self) -> bool:
        """Whether the tries before this one left no word, so often that there is none any more."""
        if all(row.attempts <= conf.NOTIFY_ATTEMPTS for row in self._rows):
            return False
        queue.fail(self._rows, "The processes that sent it died, or gave no sign in time.")
        return True

    def _message(self) -> Message:
        user = self._rows[0].recipient if self._channel.personal else None
        return compose(self._channel, self._rows, user)

    def _worth_telling(self) -> list[Notification]:
        """Those that are; the others are dropped, with the reason."""
        kept = []
        for row in self._rows:
            why = self._outdated(row)
            if why:
                queue.drop([row], why)
            else:
                kept.append(row)
        return kept

    def _outdated(self, row: Notification) -> str:
        return self._of_call(row, row.call) if row.call is not None else self._of_request(row)

    def _of_call(self, row: Notification, call: ToolCall) -> str:
        if call.status != ToolCallStatus.UNKNOWN:
            return f"The outcome is known: the call is {call.status}."
        if not self._channel.personal:
            return ""
        user: Any = row.recipient
        if user is None:
            return "This person is gone."
        return "" if may_be_told_of_call(user, call) else "This person may not settle it (any more)."

    def _of_request(self, row: Notification) -> str:
        request = row.request
        if request is None:
            return "What it tells of is gone."
        if request.status != ApprovalStatus.PENDING:
            return f"The request is {request.status}."
        if request.expires_at is not None and request.expires_at <= database_now():
            return "The time to decide is over."
        if not self._channel.personal:
            return ""
        user: Any = row.recipient
        if user is None:
            return "This person is gone."
        if not may_be_told(user, request):
            return "This person may not decide it (any more)."
        if modes_on(row.channel, self._channel, [user])[user.pk] is Mode.OFF:
            return "This person does not want to be told."
        return ""

    def _failed(self, error: Exception) -> bool:
        """A network that fails, fails for all; anything else is about this message alone."""
        why, _ = clean_text(f"{type(error).__name__}: {error}")
        blocked = isinstance(error, ChannelDown | OSError)
        why = str(error) if isinstance(error, ChannelDown) else why
        after = error.retry_after if isinstance(error, ChannelDown) else None
        extra = {"run_id": self._rows[0].context_id, "channel": self._taken.name}
        text = "A notification could not be sent on %s: %s"
        logger.warning(text, self._taken.name, why, extra=extra)
        wait = queue.block(self._taken, why, after) if blocked else 0.0
        again = queue.fail(self._rows, why, wait)
        if again is None:
            logger.error("A notification is parked on %s. %s", self._taken.name, why, extra=extra)
        else:
            send_hint(self._rows[0].context_id, again)
        return not blocked
