"""When the talk of a session needs a summary, of what, and what is made of it. It reads; `services` writes."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, Sum

from agents_app.core.canonical import sha256_of
from agents_app.core.status import ENDED
from agents_app.core.transcript import AssistantMessage, CallResult, Correction, Message, UserMessage
from agents_app.memory.conversation import earlier_runs, said_in, talk_of
from agents_app.models import AgentContext, AgentSession, ArchivedRun, SessionSummary

AT_ONCE = 50
"""Runs that one summary takes in; the next one goes on behind them."""

CHARACTERS = 60_000
"""Of the talk that one summary takes in."""

SHARE = 4
"""A summary takes at most this part of the tokens of its talk."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A summary that should be made: what the LLM is given, up to which run it goes, and what the runs up to there are
    now."""

    text: str
    upto: UUID
    digest: str


def wanted_summary(session: AgentSession, tokens: int, functions: frozenset[str]) -> Wanted | None:
    """The next summary of this session; None if the talk fits, or a summary tells of all that does not.

    It goes up to the middle of what still fits, so that not each run that comes needs another one.
    """
    talk = talk_of(session.pk, session.user_id, tokens=tokens - tokens // SHARE, functions=functions)
    if talk.whole or not talk.runs:
        return None
    made = SessionSummary.objects.filter(pk=session.pk, upto__isnull=False).exclude(text="").first()
    runs = earlier_runs(session.pk, session.user_id).filter(status__in=ENDED).order_by("pk")
    untold = runs.filter(pk__lt=talk.runs[0])
    if not (untold if made is None else untold.filter(pk__gt=made.upto)).exists():
        return None
    # Whether it still tells of what is there takes a look at all that it tells of: so it is asked here alone.
    summary = None if made is None or made.upto is None or made.digest != digest_of(session, made.upto) else made
    if summary is not None:
        runs = runs.filter(pk__gt=summary.upto)
    portion = list(runs.filter(pk__lt=talk.runs[len(talk.runs) // 2])[:AT_ONCE])
    text, taken = "", 0
    for messages in said_in(portion, functions, tokens):
        more = _quoted(messages)
        if taken and len(text) + len(more) > CHARACTERS:
            break
        text, taken = text + more, taken + 1
    upto = portion[taken - 1].pk
    before = f"Summary of what was said before:\n{_lines(summary.text)}\n\n" if summary is not None else ""
    return Wanted(text=f"{before}The conversation:\n{text}", upto=upto, digest=digest_of(session, upto))


def digest_of(session: AgentSession, upto: UUID) -> str:
    """What the runs up to this one are: it changes when one is retried, hidden or erased, not when it is archived."""
    here = earlier_runs(session.pk, session.user_id).filter(pk__lte=upto).order_by()
    away = ArchivedRun.objects.filter(session=session, hidden_at=None, erased_at=None)
    away = away.filter(pk__lte=upto).exclude(pk__in=AgentContext.objects.filter(session=session).values("pk"))
    found = [runs.aggregate(count=Count("pk"), versions=Sum("version")) for runs in (here, away)]
    return sha256_of([str(upto), *(sum(each[name] or 0 for each in found) for name in ("count", "versions"))])


def fitting(text: Any, tokens: int) -> str:
    """What of an answer is kept as a summary."""
    most = tokens // SHARE * 3
    said = str(text or "").strip()
    return said if len(said.encode()) <= most else said.encode()[:most].decode(errors="ignore") + "…"


def _quoted(messages: Iterable[Message]) -> str:
    lines = [f"{_who(message)}: {_said(message)}" for message in messages if _said(message)]
    return "".join(f"{_lines(line)}\n" for line in lines)


def _lines(text: str) -> str:
    return "\n".join(f"| {line}" for line in text.splitlines())


def _who(message: Message) -> str:
    match message:
        case UserMessage():
            return "User"
        case CallResult(name=name):
            return f"Result of {name}"
    return "Assistant"


def _said(message: Message) -> str:
    match message:
        case AssistantMessage(text=text, calls=calls):
            return "\n".join([*([text] if text else []), *(f"{call.name}({call.arguments})" for call in calls)])
        case CallResult(content=content):
            return content
        case UserMessage(text=text) | Correction(text=text):
            return text
