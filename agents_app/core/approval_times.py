"""When something happens to a question that nobody answers: what tools say about it. Pure; the clock of a run acts.

@tool(times=ApprovalTimes(remind_after=600, escalate_after=1800, escalate_to_group="Leads", expires_after=3600))
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Literal

from agents_app.core.approver_rules import GROUP_LENGTH, PERMISSION

NEVER: Final = "never"
"""What must be said by name: people may take as long as they like."""

Length = float | timedelta | Literal["never"]
"""Seconds, a timedelta, or "never"."""


class OnExpiry(StrEnum):
    """What comes of a call when the time to decide is over."""

    REJECT = "reject"
    CANCEL = "cancel"
    KEEP_WAITING = "keep_waiting"


OnExpiryName = Literal["reject", "cancel", "keep_waiting"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ApprovalTimes:
    """The times of a tool's approval requests, each from the moment when people are asked; None: by the settings.

    expires_after: how long people have. on_expiry: then the call is rejected and the LLM told; or the run is cancelled;
    or it keeps waiting, and a late decision still counts. remind_after: who may decide is told once more.
    escalate_after: from then on those in the group `escalate_to_group`, or with the permission `escalate_to`, may
    decide as well. valid_for: how long an approval is good for the start of the call.
    Nothing is checked before it is used: `problems` says what is wrong with it.
    """

    expires_after: Length | None = None
    on_expiry: OnExpiry | OnExpiryName | None = None
    remind_after: Length | None = None
    escalate_after: Length | None = None
    escalate_to: str | None = None
    escalate_to_group: str | None = None
    valid_for: Length | None = None

    def problems(self) -> list[str]:
        """What is wrong, each a sentence; empty if nothing is."""
        lengths = ("expires_after", "remind_after", "escalate_after")
        found = [
            f'`{name}` is a number of seconds above 0, a timedelta, or "never".'
            for name in lengths
            if getattr(self, name) is not None and not is_length(getattr(self, name))
        ]
        if self.valid_for is not None and (self.valid_for == NEVER or not is_length(self.valid_for)):
            found.append("`valid_for` is a number of seconds above 0, or a timedelta.")
        if self.on_expiry is not None and self.on_expiry not in list(OnExpiry):
            found.append(f"`on_expiry` is one of: {', '.join(OnExpiry)}.")
        return found or [*self._escalation_problems(), *self._order_problems()]

    def _escalation_problems(self) -> list[str]:
        to, group = self.escalate_to, self.escalate_to_group
        if to is not None and not (isinstance(to, str) and PERMISSION.fullmatch(to)):
            return ['`escalate_to` is a permission like "shop.refund_order", or None.']
        if group is not None and not (isinstance(group, str) and 0 < len(group.strip()) <= GROUP_LENGTH):
            return ["`escalate_to_group` is the name of a group, or None."]
        escalates = seconds_of(self.escalate_after) is not None
        if escalates and to is None and group is None:
            return ["`escalate_after` needs `escalate_to` or `escalate_to_group`: to whom."]
        if not escalates and (to is not None or group is not None):
            return ["`escalate_to` and `escalate_to_group` need `escalate_after`: when."]
        return []

    def _order_problems(self) -> list[str]:
        end = seconds_of(self.expires_after)
        late = [
            name
            for name in ("remind_after", "escalate_after")
            if end is not None and (seconds_of(getattr(self, name)) or 0) >= end
        ]
        return [f"`{name}` comes before `expires_after`, or it never happens." for name in late]


BY_SETTINGS = ApprovalTimes()


@dataclass(frozen=True, kw_only=True, slots=True)
class Deadlines:
    """The times of one request, as moments."""

    expires_at: datetime | None
    on_expiry: OnExpiry
    remind_at: datetime | None
    escalate_at: datetime | None
    escalate_to: str
    escalate_to_group: str
    valid_seconds: float


def deadlines(times: ApprovalTimes, usual: ApprovalTimes, now: datetime) -> Deadlines:
    """When what happens to a question that is put now. usual: what the settings say.

    A reminder or an escalation that would come after the end is left out: the settings may say what a tool did not see.
    """
    end = _at(now, times.expires_after, usual.expires_after)
    return Deadlines(
        expires_at=end,
        on_expiry=OnExpiry(times.on_expiry or usual.on_expiry or OnExpiry.REJECT),
        remind_at=_before(end, _at(now, times.remind_after, usual.remind_after)),
        escalate_at=_before(end, _at(now, times.escalate_after, None)),
        escalate_to=times.escalate_to or "",
        escalate_to_group=times.escalate_to_group or "",
        valid_seconds=seconds_of(times.valid_for) or seconds_of(usual.valid_for) or 0.0,
    )


def is_length(value: Any) -> bool:
    """Whether this is a finite length above 0, or "never"."""
    if value == NEVER:
        return True
    if isinstance(value, timedelta):
        return value > timedelta(0)
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0


def seconds_of(length: Length | None) -> float | None:
    """In seconds; None for never and for nothing said."""
    if length is None or isinstance(length, str):
        return None
    return length.total_seconds() if isinstance(length, timedelta) else float(length)


def _at(now: datetime, length: Length | None, usual: Length | None) -> datetime | None:
    seconds = seconds_of(usual if length is None else length)
    return None if seconds is None else now + timedelta(seconds=seconds)


def _before(end: datetime | None, moment: datetime | None) -> datetime | None:
    return None if moment is None or (end is not None and moment >= end) else moment
