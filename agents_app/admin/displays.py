"""How statuses, times and values look in the admin: a label and an icon per status, never a colour alone."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from django.utils import dateformat, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents_app.admin.icons import icon
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


@dataclass(frozen=True, slots=True)
class Display:
    """`tone` is one of quiet, active, waiting, good, bad; the style sheet gives it a colour in light and dark."""

    label: str
    icon: str
    tone: str


_R, _C, _A, _I, _S = RunStatus, ToolCallStatus, ApprovalStatus, InputStatus, StepStatus

DISPLAYS: Mapping[type[StrEnum], Mapping[StrEnum, Display]] = {
    RunStatus: {
        _R.IDLE: Display("Accepted", "circle", "quiet"),
        _R.THINKING: Display("Thinking", "spark", "active"),
        _R.USING_TOOL: Display("Using a tool", "tool", "active"),
        _R.WAITING_FOR_APPROVAL: Display("Waiting for approval", "hand", "waiting"),
        _R.WAITING_FOR_INPUT: Display("Waiting for an answer", "question", "waiting"),
        _R.SCHEDULED: Display("Scheduled", "clock", "quiet"),
        _R.PAUSED: Display("Paused", "pause", "waiting"),
        _R.COMPLETED: Display("Completed", "check", "good"),
        _R.CANCELLED: Display("Cancelled", "stop", "quiet"),
        _R.FAILED: Display("Failed", "cross", "bad"),
    },
    ToolCallStatus: {
        _C.PROPOSED: Display("Proposed", "circle", "quiet"),
        _C.AWAITING_APPROVAL: Display("Awaiting approval", "hand", "waiting"),
        _C.READY: Display("Ready", "play", "active"),
        _C.STARTED: Display("Running", "tool", "active"),
        _C.UNKNOWN: Display("Outcome unknown", "alert", "bad"),
        _C.SUCCEEDED: Display("Succeeded", "check", "good"),
        _C.FAILED: Display("Failed", "cross", "bad"),
        _C.REJECTED: Display("Not made", "stop", "bad"),
        _C.CANCELLED: Display("Cancelled", "stop", "quiet"),
    },
    ApprovalStatus: {
        _A.PENDING: Display("Pending", "hand", "waiting"),
        _A.APPROVED: Display("Approved", "check", "good"),
        _A.REJECTED: Display("Rejected", "cross", "bad"),
        _A.EXPIRED: Display("Expired", "clock", "quiet"),
        _A.SENT_BACK: Display("Sent back", "back", "quiet"),
        _A.WITHDRAWN: Display("Withdrawn", "stop", "quiet"),
    },
    InputStatus: {
        _I.PENDING: Display("Open", "question", "waiting"),
        _I.ANSWERED: Display("Answered", "check", "good"),
        _I.EXPIRED: Display("Expired", "clock", "quiet"),
        _I.WITHDRAWN: Display("Withdrawn", "stop", "quiet"),
    },
    StepStatus: {
        _S.STARTED: Display("Under way", "circle", "active"),
        _S.COMPLETED: Display("Done", "check", "good"),
        _S.FAILED: Display("Failed", "cross", "bad"),
    },
}

SENTENCES: Mapping[RunStatus, str] = {
    _R.IDLE: "It has been accepted and starts as soon as a worker is free.",
    _R.THINKING: "The LLM is asked what to do next.",
    _R.USING_TOOL: "A tool call is about to start or is running.",
    _R.WAITING_FOR_APPROVAL: "It goes on as soon as somebody has decided.",
    _R.WAITING_FOR_INPUT: "It goes on as soon as its question is answered.",
    _R.SCHEDULED: "It goes on by itself later.",
    _R.PAUSED: "It is held until somebody lets it go on.",
    _R.COMPLETED: "It has ended with an answer.",
    _R.CANCELLED: "It has ended because somebody cancelled it.",
    _R.FAILED: "It has ended without an answer.",
}
"""How a run stands, for people who do not know the words of this app."""

SLOTS: Mapping[str, str] = {
    "agent": "It waits for a free slot: as many runs of this agent as may are being driven.",
    "user": "It waits for a free slot: as many runs of this user as may are being driven.",
    "session": "It waits for a free slot: as many runs of this session as may are being driven.",
}
"""The same for a run that is held back at a limit; by the kind of limit."""

VERDICTS: Mapping[Verdict, str] = {
    Verdict.APPROVED: "approved",
    Verdict.ENDORSED: "approved, as others still have to",
    Verdict.EDITED: "proposed other arguments",
    Verdict.REJECTED: "rejected",
    Verdict.SENT_BACK: "sent back",
    Verdict.HAPPENED: "said that it happened",
    Verdict.TRY_AGAIN: "let it be tried again",
    Verdict.GIVE_UP: "gave it up",
}

DOORS: Mapping[str, str] = {
    "admin": "in the admin",
    "rest": "over REST",
    "websocket": "over a websocket",
    "command": "on the command line",
    "link": "by a mailed link",
    "code": "in code",
}

EFFECTS: Mapping[Effect, str] = {
    Effect.READ: "reads only; changes nothing",
    Effect.IDEMPOTENT: "acts once, even if it is repeated",
    Effect.ATOMIC: "happens exactly once or not at all",
    Effect.EXTERNAL: "acts outside of this system; cannot be taken back or repeated safely",
}

STEP_KINDS: Mapping[StepKind, str] = {
    StepKind.THINK: "Think",
    StepKind.USE_TOOL: "Use a tool",
    StepKind.ASK_USER: "Ask the user",
    StepKind.RESPOND: "Respond",
    StepKind.WAIT: "Wait",
    StepKind.COMPLETE: "Complete",
}


def display_of(status: StrEnum) -> Display:
    """The label, icon and tone of a status."""
    return DISPLAYS[type(status)][status]


def badge(status: StrEnum) -> SafeString:
    """A status as a small label with an icon."""
    shown = display_of(status)
    return format_html('<span class="aa-badge aa-{}">{}{}</span>', shown.tone, icon(shown.icon), shown.label)


def time_tag(moment: datetime | None, *, since: datetime | None = None) -> SafeString:
    """A moment as `<time>`, in local time; without the date if it is that of `since`."""
    if moment is None:
        return SafeString("–")
    local = _local(moment)
    same_day = since is not None and _local(since).date() == local.date()
    text = dateformat.format(local, "H:i:s" if same_day else "Y-m-d H:i:s")
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), _full(local), text)


def short_time(moment: datetime | None) -> SafeString:
    """A moment in a list: without seconds, and without the year if it is this one."""
    if moment is None:
        return SafeString("–")
    local = _local(moment)
    text = dateformat.format(local, "M j, H:i" if local.year == _local(timezone.now()).year else "Y-m-d H:i")
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), _full(local), text)


def _local(moment: datetime) -> datetime:
    return timezone.localtime(moment) if timezone.is_aware(moment) else moment


def _full(local: datetime) -> str:
    zone = local.tzname()
    return dateformat.format(local, "Y-m-d H:i:s") + (f" {zone}" if zone else "")


def duration(seconds: float) -> str:
    """A span of time in its two largest units."""
    if seconds < 1:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} days"


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
        return "Yes" if value else "No"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def is_long(text: str) -> bool:
    """Whether a text is folded away at first."""
    return len(text) > LONG_TEXT or text.count("\n") >= LONG_LINES


def excerpt(text: str, limit: int = 90) -> str:
    """The beginning of a text, in one line."""
    line = " ".join(text[: limit * 4].split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def humanized(name: str) -> str:
    """`order_number` → `Order number`."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:] if words else name
