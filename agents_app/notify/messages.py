"""What people are told: one message for one reader, and which events lead to one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, gettext_noop


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """How an event is told. subject: with {what} in it. urgent: also at once to those who want digests."""

    subject: str
    urgent: bool = False

    @property
    def lazy(self) -> Promise:
        """The subject in the language of whoever reads it."""
        return gettext_lazy(self.subject)


UNKNOWN = "tool_call.unknown"
"""It is about a call, which somebody must settle."""

ENDORSED = "approval.endorsed"
"""Somebody has said yes: those are told whose word is needed now, and who were told nothing of it yet."""

TOLD: Mapping[str, Told] = {
    "approval.requested": Told(subject=gettext_noop("Please decide: {what}")),
    "approval.reminded": Told(subject=gettext_noop("Reminder, please decide: {what}"), urgent=True),
    "approval.escalated": Told(subject=gettext_noop("Passed on to you, please decide: {what}"), urgent=True),
    "approval.reassigned": Told(subject=gettext_noop("Handed to you, please decide: {what}"), urgent=True),
    "approval.edited": Told(subject=gettext_noop("Changed, please decide anew: {what}"), urgent=True),
    ENDORSED: Told(subject=gettext_noop("Others have said yes, please decide: {what}")),
    UNKNOWN: Told(subject=gettext_noop("Nobody knows whether it happened, please say: {what}"), urgent=True),
}
"""By type of event. All but one are about an approval request, which the event names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One request that waits, or a call of unknown outcome. url: its page. decide_url: a link for the reader alone
    that decides without logging in, empty where the tool does not allow it. Sensitive values are ***.

    request_id: None if it is about a call, which call_id names; that is None if it is about a request.
    """

    request_id: UUID | None
    run_id: UUID
    event: str
    agent: str
    tool: str
    summary: str
    reason: str
    requester: str
    asked_at: datetime
    expires_at: datetime | None
    url: str
    decide_url: str = ""
    call_id: UUID | None = None

    @property
    def what(self) -> str:
        """What will happen, in one line."""
        return self.summary or self.tool


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """What one reader is told.

    key: the same however often it is tried, so that a receiver can leave out what comes twice. recipient: a user; None
    on a channel that speaks to a place, where `approvers` are the names of those who may decide. text, html: ready to
    be sent. items: one request, or those of a digest.
    """

    key: str
    subject: str
    text: str
    html: str
    items: tuple[Item, ...]
    recipient: Any = None
    approvers: tuple[str, ...] = ()
