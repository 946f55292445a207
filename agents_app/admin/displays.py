"""How statuses, times and values look in the admin: a label and an icon per status, never a colour alone."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.utils import dateformat, formats, timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, ngettext, pgettext_lazy

from agents_app.admin.icons import icon
from agents_app.core.budgets import Period, Scope
from agents_app.core.priority import Priority
from agents_app.core.risk import Risk
from agents_app.core.status import (
    ApprovalStatus,
    Effect,
    InputStatus,
    RunStatus,
    StepKind,
    StepStatus,
    ToolCallStatus,
    Verdict,
)

LONG_TEXT = 600
LONG_LINES = 12


Words = str | Promise
"""What people read: perhaps lazily, in the language of who reads it."""


@dataclass(frozen=True, slots=True)
class Display:
    """`tone` is one of quiet, active, waiting, good, bad; the style sheet gives it a colour in light and dark."""

    label: Words
    icon: str
    tone: str


_R, _C, _A, _I, _S = RunStatus, ToolCallStatus, ApprovalStatus, InputStatus, StepStatus

DISPLAYS: Mapping[type[StrEnum], Mapping[StrEnum, Display]] = {
    RunStatus: {
        _R.IDLE: Display(gettext_lazy("Accepted"), "circle", "quiet"),
        _R.THINKING: Display(gettext_lazy("Thinking"), "spark", "active"),
        _R.USING_TOOL: Display(gettext_lazy("Using a tool"), "tool", "active"),
        _R.WAITING_FOR_APPROVAL: Display(gettext_lazy("Waiting for approval"), "hand", "waiting"),
        _R.WAITING_FOR_INPUT: Display(gettext_lazy("Waiting for an answer"), "question", "waiting"),
        _R.SCHEDULED: Display(gettext_lazy("Scheduled"), "clock", "quiet"),
        _R.PAUSED: Display(gettext_lazy("Paused"), "pause", "waiting"),
        _R.COMPLETED: Display(gettext_lazy("Completed"), "check", "good"),
        _R.CANCELLED: Display(gettext_lazy("Cancelled"), "stop", "quiet"),
        _R.FAILED: Display(gettext_lazy("Failed"), "cross", "bad"),
    },
    ToolCallStatus: {
        _C.PROPOSED: Display(gettext_lazy("Proposed"), "circle", "quiet"),
        _C.AWAITING_APPROVAL: Display(gettext_lazy("Awaiting approval"), "hand", "waiting"),
        _C.READY: Display(gettext_lazy("Ready"), "play", "active"),
        _C.STARTED: Display(gettext_lazy("Running"), "tool", "active"),
        _C.UNKNOWN: Display(gettext_lazy("Outcome unknown"), "alert", "bad"),
        _C.SUCCEEDED: Display(gettext_lazy("Succeeded"), "check", "good"),
        _C.FAILED: Display(gettext_lazy("Failed"), "cross", "bad"),
        _C.REJECTED: Display(gettext_lazy("Not made"), "stop", "bad"),
        _C.CANCELLED: Display(gettext_lazy("Cancelled"), "stop", "quiet"),
    },
    ApprovalStatus: {
        _A.PENDING: Display(gettext_lazy("Pending"), "hand", "waiting"),
        _A.APPROVED: Display(gettext_lazy("Approved"), "check", "good"),
        _A.REJECTED: Display(gettext_lazy("Rejected"), "cross", "bad"),
        _A.EXPIRED: Display(gettext_lazy("Expired"), "clock", "quiet"),
        _A.SENT_BACK: Display(gettext_lazy("Sent back"), "back", "quiet"),
        _A.WITHDRAWN: Display(gettext_lazy("Withdrawn"), "stop", "quiet"),
    },
    InputStatus: {
        _I.PENDING: Display(gettext_lazy("Open"), "question", "waiting"),
        _I.ANSWERED: Display(gettext_lazy("Answered"), "check", "good"),
        _I.EXPIRED: Display(gettext_lazy("Expired"), "clock", "quiet"),
        _I.WITHDRAWN: Display(gettext_lazy("Withdrawn"), "stop", "quiet"),
    },
    StepStatus: {
        _S.STARTED: Display(gettext_lazy("Under way"), "circle", "active"),
        _S.COMPLETED: Display(gettext_lazy("Done"), "check", "good"),
        _S.FAILED: Display(gettext_lazy("Failed"), "cross", "bad"),
    },
}

RISKS: Mapping[Risk, Display] = {
    Risk.HIGH: Display(pgettext_lazy("risk", "High"), "alert", "bad"),
    Risk.MEDIUM: Display(pgettext_lazy("risk", "Medium"), "circle", "waiting"),
    Risk.LOW: Display(pgettext_lazy("risk", "Low"), "check", "quiet"),
}

SENTENCES: Mapping[RunStatus, Words] = {
    _R.IDLE: gettext_lazy("It has been accepted and starts as soon as a worker is free."),
    _R.THINKING: gettext_lazy("The LLM is asked what to do next."),
    _R.USING_TOOL: gettext_lazy("A tool call is about to start or is running."),
    _R.WAITING_FOR_APPROVAL: gettext_lazy("It goes on as soon as somebody has decided."),
    _R.WAITING_FOR_INPUT: gettext_lazy("It goes on as soon as its question is answered."),
    _R.SCHEDULED: gettext_lazy("It goes on by itself later."),
    _R.PAUSED: gettext_lazy("It is held until somebody lets it go on."),
    _R.COMPLETED: gettext_lazy("It has ended with an answer."),
    _R.CANCELLED: gettext_lazy("It has ended because somebody cancelled it."),
    _R.FAILED: gettext_lazy("It has ended without an answer."),
}
"""How a run stands, for people who do not know the words of this app."""

SLOTS: Mapping[str, Words] = {
    "agent": gettext_lazy("It waits for a free slot: as many runs of this agent as may are being driven."),
    "user": gettext_lazy("It waits for a free slot: as many runs of this user as may are being driven."),
    "session": gettext_lazy("It waits for a free slot: as many runs of this session as may are being driven."),
}
"""The same for a run that is held back at a limit; by the kind of limit."""

NO_CODE = gettext_lazy(
    "No worker knows the code that it needs. It waits for one, for ten minutes; then what its agent says of changed "
    "code decides, or it fails."
)
"""The same for a run whose code is not there."""

PERIODS: Mapping[Period, Words] = {
    Period.HOUR: gettext_lazy("hour"),
    Period.DAY: gettext_lazy("day"),
    Period.MONTH: gettext_lazy("month"),
}

KINDS: Mapping[str, Words] = {
    "steps": gettext_lazy("steps"),
    "tool_calls": gettext_lazy("tool calls"),
    "tokens": gettext_lazy("tokens"),
    "money": gettext_lazy("money"),
    "time": gettext_lazy("time"),
}
"""What budgets count."""

SLOTS_HELD: Mapping[str, Words] = {
    "agent": gettext_lazy("It waits for a free slot: of this agent at most %(most)s at once"),
    "user": gettext_lazy("It waits for a free slot: of this user at most %(most)s at once"),
    "session": gettext_lazy("It waits for a free slot: of this session at most %(most)s at once"),
}
"""The same on the timeline."""

PRIORITIES: Mapping[Priority, Words] = {
    Priority.HIGH: gettext_lazy("High"),
    Priority.NORMAL: gettext_lazy("Normal"),
    Priority.LOW: gettext_lazy("Low"),
}

SCOPES: Mapping[Scope, Words] = {
    Scope.RUN: gettext_lazy("Run"),
    Scope.SESSION: gettext_lazy("Session"),
    Scope.USER: gettext_lazy("User"),
}

VERDICTS: Mapping[Verdict, Words] = {
    Verdict.APPROVED: gettext_lazy("approved"),
    Verdict.ENDORSED: gettext_lazy("approved, as others still have to"),
    Verdict.EDITED: gettext_lazy("proposed other arguments"),
    Verdict.REJECTED: gettext_lazy("rejected"),
    Verdict.SENT_BACK: gettext_lazy("sent back"),
    Verdict.HAPPENED: gettext_lazy("said that it happened"),
    Verdict.TRY_AGAIN: gettext_lazy("let it be tried again"),
    Verdict.GIVE_UP: gettext_lazy("gave it up"),
}

DOORS: Mapping[str, Words] = {
    "admin": gettext_lazy("in the admin"),
    "rest": gettext_lazy("over REST"),
    "websocket": gettext_lazy("over a websocket"),
    "command": gettext_lazy("on the command line"),
    "link": gettext_lazy("by a mailed link"),
    "code": gettext_lazy("in code"),
}

EFFECTS: Mapping[Effect, Words] = {
    Effect.READ: gettext_lazy("reads only; changes nothing"),
    Effect.IDEMPOTENT: gettext_lazy("acts once, even if it is repeated"),
    Effect.ATOMIC: gettext_lazy("happens exactly once or not at all"),
    Effect.EXTERNAL: gettext_lazy("acts outside of this system; cannot be taken back or repeated safely"),
}

STEP_KINDS: Mapping[StepKind, Words] = {
    StepKind.THINK: gettext_lazy("Think"),
    StepKind.USE_TOOL: gettext_lazy("Use a tool"),
    StepKind.ASK_USER: gettext_lazy("Ask the user"),
    StepKind.RESPOND: gettext_lazy("Respond"),
    StepKind.WAIT: gettext_lazy("Wait"),
    StepKind.COMPLETE: gettext_lazy("Complete"),
}


def display_of(status: StrEnum) -> Display:
    """The label, icon and tone of a status."""
    return DISPLAYS[type(status)][status]


def badge(status: StrEnum) -> SafeString:
    """A status as a small label with an icon."""
    shown = display_of(status)
    return format_html('<span class="aa-badge aa-{}">{}{}</span>', shown.tone, icon(shown.icon), shown.label)


def time_tag(moment: datetime | None, *, since: datetime | None = None) -> SafeString:
    """A moment as `<time>`; without the date if it is that of `since`. A script shows it in the reader's own zone."""
    if moment is None:
        return SafeString("–")
    local = _local(moment)
    same_day = since is not None and _local(since).date() == local.date()
    if since is None or not same_day:
        return _time("full", moment, dateformat.format(local, "Y-m-d H:i:s"))
    day = format_html(' data-day="{}"', since.isoformat())
    return _time("clock", moment, dateformat.format(local, "H:i:s"), day)


def short_time(moment: datetime | None) -> SafeString:
    """A moment in a list: without seconds, and without the year if it is this one."""
    if moment is None:
        return SafeString("–")
    local = _local(moment)
    this_year = local.year == _local(timezone.now()).year
    return _time("short", moment, dateformat.format(local, "M j, H:i" if this_year else "Y-m-d H:i"))


def _time(style: str, moment: datetime, text: str, more: SafeString | str = "") -> SafeString:
    local = _local(moment)
    zone = f" {local.tzname()}" if local.tzname() else ""
    style = style if timezone.is_aware(moment) else ""  # nobody knows what the reader's clock showed then
    return format_html(
        '<time datetime="{}" title="{}" data-time="{}"{}>{}{}</time>',
        moment.isoformat(),
        dateformat.format(local, "Y-m-d H:i:s") + zone,
        style,
        more,
        text,
        zone,
    )


def _local(moment: datetime) -> datetime:
    return timezone.localtime(moment) if timezone.is_aware(moment) else moment


def number(value: int | float | Decimal, places: int | None = None) -> str:
    """A number as it is written in the reader's language."""
    return formats.number_format(value, places, force_grouping=True)


def duration(seconds: float) -> str:
    """A span of time in its two largest units."""
    if seconds < 1:
        return gettext("%(count)s ms") % {"count": round(max(seconds, 0) * 1000)}
    if seconds < 60:
        return gettext("%(count)s s") % {"count": number(seconds, 1)}
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return gettext("%(minutes)s min %(rest)s s") % {"minutes": minutes, "rest": rest}
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return gettext("%(hours)s h %(minutes)s min") % {"hours": hours, "minutes": minutes}
    days = hours // 24
    return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}


def between(start: datetime | None, end: datetime | None) -> str:
    """The span between two moments; empty if one is missing."""
    return duration((end - start).total_seconds()) if start and end else ""


def plain(value: Any) -> str:
    """A JSON value as people read it: texts as they are, the rest as indented JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, date | datetime):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False, indent=2)


def inline(value: Any) -> str:
    """A JSON value in one line, as people read it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def is_long(text: str) -> bool:
    """Whether a text is folded away at first."""
    return len(text) > LONG_TEXT or text.count("\n") >= LONG_LINES


def excerpt(text: str, limit: int = 90) -> str:
    """The beginning of a text, in one line."""
    line = " ".join(text[: limit * 4].split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
