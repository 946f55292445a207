"""What an approver is told beside the arguments: what the agent has done, what others decided, what will follow."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from agents_app.admin.blocks import block
from agents_app.admin.displays import badge, excerpt, short_time
from agents_app.admin.links import Links
from agents_app.admin.revealed import revealed
from agents_app.core.approval_times import OnExpiry
from agents_app.core.status import ApprovalStatus, ToolCallStatus, Verdict
from agents_app.models import ApprovalRequest, Decision, ToolCall
from agents_app.selectors.people import may_view_transcript, not_hidden
from agents_app.selectors.transcript import TranscriptRows, result_for_llm
from agents_app.services.approvals import Decider

STEPS_SHOWN = 12
DECISIONS_SHOWN = 5
DECISIONS_LOOKED_AT = 400
"""The newest decisions of all tools among which those on this one are looked for."""
FINAL = (Verdict.APPROVED, Verdict.REJECTED, Verdict.SENT_BACK)


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """One thing that the agent has said or done before it asked. `pairs`: what it was told, by name, in place of a
    text."""

    title: str
    text: SafeString | str = ""
    badge: SafeString | str = ""
    pairs: tuple[tuple[SafeString, SafeString], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Earlier:
    """One of the last decisions on the same tool of the same agent."""

    who: str
    verdict: Verdict
    badge: SafeString
    at: SafeString
    text: SafeString | str
    url: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Consequences:
    """What follows on each answer, in a sentence."""

    approve: str
    reject: str
    expiry: str


def done_before(rows: TranscriptRows, call: ToolCall) -> tuple[list[Done], int]:
    """What the agent has said and done, the newest last; and how many entries came before those."""
    entries = list(_done(rows, call))
    return entries[-STEPS_SHOWN:], max(len(entries) - STEPS_SHOWN, 0)


def _done(rows: TranscriptRows, call: ToolCall) -> Iterator[Done]:
    for turn in rows.turns:
        response = turn.response or {}
        if response.get("text"):
            yield Done(title=_("It said"), text=revealed(excerpt(response["text"], 300)))
        for entry in response.get("calls", []):
            made = rows.calls.get(entry.get("ref", ""))
            if made is not None and made.pk != call.pk:
                yield _made(made)
            asked = rows.inputs.get(entry.get("ref", ""))
            if asked is not None:
                answer = _("Answer: %(answer)s") % {"answer": asked.answer} if asked.answer is not None else ""
                text = excerpt(f"{asked.question} {answer}", 300)
                yield Done(title=_("It asked the user"), text=revealed(text))


def _made(call: ToolCall) -> Done:
    """A call and what came of it: an object of a few values by their names, else what the LLM was told."""
    shown = badge(ToolCallStatus(call.status))
    plainly = call.status == ToolCallStatus.SUCCEEDED and not call.edited and not call.note
    if plainly and (pairs := block("", call.tool, call.result).shown_pairs):
        return Done(title=call.tool, badge=shown, pairs=tuple(pairs))
    told = result_for_llm(call)[0] if call.settled else ""
    return Done(title=call.tool, badge=shown, text=revealed(excerpt(told, 300)))


def earlier_decisions(user: Any, row: ApprovalRequest, links: Links) -> list[Earlier]:
    """The last decisions on the same tool of the same agent, the newest first."""
    newest = not_hidden(Decision.objects.all(), user, "call__context__").order_by("-pk")
    looked_at = newest.values_list("pk", "verdict", "request_id", "call__tool", "call__context__agent")
    like = [
        key
        for key, verdict, request, tool, agent in looked_at[:DECISIONS_LOOKED_AT]
        if verdict in FINAL and (tool, agent) == (row.call.tool, row.context.agent) and request not in (None, row.pk)
    ]
    found = Decision.objects.filter(pk__in=like[:DECISIONS_SHOWN]).order_by("-pk")
    related = ("request__call", "request__context__details")
    rows = found.select_related(*related).prefetch_related("request__named_approvers", "request__decisions")
    person = Decider(user)
    return [_earlier(person, decision, links) for decision in rows]


STATUS_OF = {
    Verdict.APPROVED: ApprovalStatus.APPROVED,
    Verdict.REJECTED: ApprovalStatus.REJECTED,
    Verdict.SENT_BACK: ApprovalStatus.SENT_BACK,
}


def _earlier(person: Decider, decision: Decision, links: Links) -> Earlier:
    request = decision.request
    assert request is not None
    readable = may_view_transcript(person.user, request.context) or person.may_decide(request).allowed
    return Earlier(
        who=decision.user_name or _("the system"),
        verdict=Verdict(decision.verdict),
        badge=badge(STATUS_OF[Verdict(decision.verdict)]),
        at=short_time(decision.decided_at),
        text=revealed(excerpt(request.summary, 160)) if readable else "",
        url=links.row("approvalrequest", request.pk),
        reason=revealed(excerpt(decision.reason, 160)) if readable else "",
    )


def consequences(row: ApprovalRequest, valid_seconds: float, now: datetime) -> Consequences:
    """What follows when somebody approves, rejects, or nobody decides. valid_seconds: where the request has none."""
    valid_seconds = valid_seconds if row.valid_seconds is None else row.valid_seconds
    return Consequences(
        approve=_("The call is made as soon as a worker is free, at the latest within %(time)s.")
        % {"time": _left(valid_seconds)},
        reject=_("The call is not made. The agent reads your reason and goes on without it."),
        expiry=_expiry(row, now),
    )


def _expiry(row: ApprovalRequest, now: datetime) -> str:
    if row.expires_at is None or row.overdue_at is not None:
        return _("It waits until somebody decides.")
    texts = {
        OnExpiry.REJECT: _("If nobody decides within %(time)s, the call is not made, and the agent is told so."),
        OnExpiry.CANCEL: _("If nobody decides within %(time)s, the whole run is cancelled."),
        OnExpiry.KEEP_WAITING: _("If nobody decides within %(time)s, it counts as overdue, and keeps waiting."),
    }
    return texts[OnExpiry(row.on_expiry)] % {"time": _left((row.expires_at - now).total_seconds())}


def _left(seconds: float) -> str:
    """As `in_words`, but to the second where it is less than a minute: somebody reads how long they have."""
    if seconds >= 60:
        return in_words(seconds)
    count = max(int(seconds), 0)
    return ngettext("%(count)d second", "%(count)d seconds", count) % {"count": count}


def in_words(seconds: float) -> str:
    """A span of time as people say it, to the minute, in its two largest units."""
    minutes = max(round(seconds / 60), 1)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    told = {
        "days": ngettext("%(count)d day", "%(count)d days", days) % {"count": days} if days else "",
        "hours": ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours} if hours else "",
        "minutes": ngettext("%(count)d minute", "%(count)d minutes", rest) % {"count": rest} if rest else "",
    }
    return " ".join([text for text in told.values() if text][:2])
