"""The timeline's words for turns of the LLM, tool calls and decisions. Importing it registers them."""

from typing import Any

from django.utils.translation import gettext, gettext_lazy

from agents_app.admin.blocks import Block, Difference, as_json, differences
from agents_app.admin.displays import DOORS, VERDICTS, badge, between, number
from agents_app.admin.entries import Entry, Told, Writing, tells
from agents_app.admin.grant_entries import allowed_by
from agents_app.core.briefing import UNAVAILABLE
from agents_app.core.events import EventType
from agents_app.core.status import ApprovalStatus, ToolCallStatus, Verdict
from agents_app.models import AgentStep, ToolCall

_E = EventType


def took(told: Told) -> tuple[str, ...]:
    """How long the attempt lasted that this event began."""
    return (between(told.event.at, told.outcome.at),) if told.outcome else ()


# The LLM.


@tells(_E.STEP_STARTED)
def step_started(told: Told) -> Entry:
    step = told.rows.steps[told.id("step")]
    attempt = told.data["attempt"]
    facts = (gettext("attempt %(attempt)s") % {"attempt": attempt},) if attempt > 1 else ()
    if told.outcome is None:
        facts = (*_asked(told), *facts)
        return Entry(
            title=gettext("The LLM is asked"), icon="spark", tone="active", facts=facts, writing=_writing(told, step)
        )
    if told.outcome.type == _E.STEP_FAILED:
        note = f"{told.outcome.data['message']} ({told.outcome.data['code']})"
        facts = (*_asked(told), *facts, *took(told))
        if told.outcome.data["code"] in UNAVAILABLE:
            return Entry(title=gettext("The LLM was not asked"), icon="spark", tone="bad", note=note, facts=facts)
        title = gettext("The LLM did not reply")
        return Entry(title=title, icon="spark", tone="bad", note=note, facts=facts, link=_sent(told, step))
    return Entry(
        title=gettext("The LLM gave its answer") if step.answered else gettext("The LLM replied"),
        icon="spark",
        facts=(*facts, *took(told), *usage_of(step)),
        blocks=_said(told, step),
        link=_sent(told, step),
    )


def _sent(told: Told, step: AgentStep) -> tuple[str, str] | None:
    """The page of what was sent, for those who may read it."""
    if not told.rows.transcript or step.number is None:
        return None
    return told.links.to("agentcontext_sent", told.rows.context.pk, step.number), gettext("What was sent")


def _asked(told: Told) -> tuple[str, ...]:
    """Which LLM this attempt was made at, by its name in the settings."""
    name = told.data.get("llm")
    return (str(name),) if name else ()


@tells(_E.STEP_COMPLETED, _E.STEP_FAILED)
def step_ended(told: Told) -> None:
    """Told at the step's start."""


def usage_of(step: AgentStep) -> tuple[str, ...]:
    """Tokens and price of a turn."""
    counts = {"input": number(step.input_tokens), "output": number(step.output_tokens)}
    tokens = gettext("%(input)s + %(output)s tokens") % counts
    return (step.llm, tokens, cost(step.cost)) if step.cost is not None else (step.llm, tokens)


def cost(amount: Any) -> str:
    """A price in USD."""
    return f"{number(amount.quantize(amount.__class__('0.0001')))} USD"


def _said(told: Told, step: AgentStep) -> tuple[Block, ...]:
    text = (step.response or {}).get("text", "")
    if step.answered and text == told.rows.context.details.output:
        return ()
    return told.block("text", gettext("It said"), text) if text else ()


def _writing(told: Told, step: AgentStep) -> Writing | None:
    """Where a page that listens may put the LLM's words, for those who may read them."""
    if not told.rows.transcript:
        return None
    partial = told.rows.partial
    fits = partial is not None and (partial.step, partial.attempt) == (step.number, step.attempt)
    return Writing(turn=f"{step.number}.{told.data['attempt']}", text=partial.text if partial and fits else "")


# Tool calls.


def call_of(told: Told) -> ToolCall:
    return told.rows.calls[told.id("call")]


@tells(_E.TOOL_CALL_PROPOSED)
def call_proposed(told: Told) -> Entry:
    call = call_of(told)
    proposed = as_json(call.proposed_arguments) if call.edited else told.rows.arguments(call)
    return Entry(
        title=gettext("Wants to use %(tool)s") % {"tool": call.tool},
        icon="tool",
        badge=badge(ToolCallStatus(call.status)),
        blocks=told.block("arguments", gettext("Arguments"), proposed, told.rows.currencies(call)),
        link=(told.links.row("toolcall", call.pk), gettext("Details")),
    )


@tells(_E.TOOL_CALL_STARTED)
def call_started(told: Told) -> Entry:
    call = call_of(told)
    attempt = told.data["attempt"]
    again = (gettext("attempt %(attempt)s") % {"attempt": attempt},) if attempt > 1 else ()
    facts = (*again, *allowed_by(told), *took(told))
    outcome = told.outcome.type if told.outcome else None
    if outcome is None:
        return Entry(
            title=gettext("%(tool)s is running") % {"tool": call.tool}, icon="tool", tone="active", facts=facts
        )
    if outcome == _E.TOOL_CALL_SUCCEEDED:
        return Entry(
            title=gettext("%(tool)s succeeded") % {"tool": call.tool},
            icon="check",
            tone="good",
            facts=facts,
            note=told.text(call.note),
            blocks=told.block("result", gettext("Result"), call.result),
        )
    title, tone = _ENDINGS.get(EventType(outcome), (gettext_lazy("%(tool)s did not finish"), "quiet"))
    return Entry(title=title % {"tool": call.tool}, icon="tool", tone=tone, facts=facts, note=_why(told, call))


_ENDINGS = {
    _E.TOOL_CALL_FAILED: (gettext_lazy("%(tool)s failed"), "bad"),
    _E.TOOL_CALL_UNKNOWN: (gettext_lazy("%(tool)s was started; nobody knows whether it happened"), "bad"),
    _E.TOOL_CALL_READY: (gettext_lazy("%(tool)s did not finish; it is tried again"), "waiting"),
    _E.APPROVAL_REQUESTED: (gettext_lazy("%(tool)s asked for approval itself"), "waiting"),
    _E.TOOL_CALL_CANCELLED: (gettext_lazy("%(tool)s was rolled back: the run was cancelled"), "quiet"),
}


def _why(told: Told, call: ToolCall) -> str:
    """The error's words belong to the conversation, its code does not."""
    code = str(told.outcome.data.get("code", "")) if told.outcome else ""
    said = told.text(call.error) if call.error_code == code else ""
    return f"{said} ({code})" if said and code else said or code


@tells(_E.TOOL_CALL_SUCCEEDED, _E.TOOL_CALL_FAILED, _E.TOOL_CALL_UNKNOWN)
def call_ended(told: Told) -> Entry | None:
    """Told at its start, or by the person who settled it; what is left is the end of a call nobody settled."""
    if told.event.type == _E.TOOL_CALL_UNKNOWN:
        return Entry(
            title=gettext("%(tool)s: a person must say what became of it") % {"tool": told.data["tool"]},
            icon="alert",
            tone="bad",
        )
    return None


@tells(_E.TOOL_CALL_READY)
def call_ready(told: Told) -> Entry | None:
    if told.data.get("code") in (None, "", "try_again"):
        return None
    note = told.data.get("message") or told.data["code"]
    return Entry(
        title=gettext("%(tool)s is postponed") % {"tool": told.data["tool"]}, icon="clock", note=str(note), minor=True
    )


@tells(_E.TOOL_CALL_SETTLED)
def call_settled(told: Told) -> Entry:
    call = call_of(told)
    verdict = Verdict(told.data["verdict"])
    made = next((row for row in told.rows.settlings_of(call.pk) if row.decided_at == told.event.at), None)
    happened = verdict is Verdict.HAPPENED
    return Entry(
        title=f"{VERDICTS[verdict]}: {call.tool}",
        who=str(told.data.get("by") or gettext("The tool itself")),
        reason=told.text(made.reason) if made else "",
        icon="person",
        tone="good" if happened else "waiting",
        blocks=told.block("result", gettext("Result"), call.result) if happened else (),
    )


@tells(_E.TOOL_CALL_REJECTED)
def call_rejected(told: Told) -> Entry | None:
    if told.data.get("code") in ("rejected", "sent_back", "approval_expired"):
        return None
    call = call_of(told)
    return Entry(
        title=gettext("%(tool)s is not made") % {"tool": call.tool},
        icon="stop",
        tone="bad",
        note=told.text(call.error) or call.error_code,
    )


@tells(_E.TOOL_CALL_CANCELLED)
def call_cancelled(told: Told) -> Entry:
    return Entry(
        title=gettext("%(tool)s was not made: the run ended before") % {"tool": told.data["tool"]},
        icon="stop",
        minor=True,
    )


# Approvals.


@tells(_E.APPROVAL_REQUESTED)
def approval_requested(told: Told) -> Entry:
    request = told.rows.requests[told.id("request")]
    return Entry(
        title=told.text(request.summary) or gettext("%(tool)s: a person must decide") % {"tool": told.data["tool"]},
        icon="hand",
        tone="waiting",
        badge=badge(ApprovalStatus(request.status)),
        note=told.text(gettext("Why a person is asked: %(reason)s") % {"reason": request.why}),
        link=(told.links.row("approvalrequest", request.pk), gettext("Open the request")),
    )


@tells(_E.APPROVAL_EDITED)
def approval_edited(told: Told) -> Entry | None:
    """An edit that was an approval, too, is told with that."""
    who = str(told.data.get("by") or gettext("Somebody"))
    if not any(made.user_name == who for made in told.rows.proposals_on(told.id("request"))):
        return None
    return Entry(
        title=gettext("proposed other arguments for %(tool)s") % {"tool": told.data["tool"]},
        who=who,
        icon="person",
        tone="waiting",
    )


@tells(_E.APPROVAL_APPROVED)
def approval_approved(told: Told) -> Entry:
    made = told.rows.decision_on(told.id("request"))
    edited = made is not None and bool(made.arguments)
    changes: tuple[Difference, ...] = ()
    if made is not None and edited:
        currencies = told.rows.currencies(call_of(told))
        changes = differences(as_json(made.arguments_before), as_json(made.arguments), currencies)
    return Entry(
        title=(gettext("approved %(tool)s with changes") if edited else gettext("approved %(tool)s"))
        % {"tool": told.data["tool"]},
        who=str(told.data.get("by") or gettext("Somebody")),
        reason=told.text(made.reason) if made else "",
        icon="person",
        tone="good",
        facts=(DOORS.get(made.door, made.door),) if made else (),
        changes=changes if told.rows.transcript else (),
    )


@tells(_E.APPROVAL_ENDORSED)
def approval_endorsed(told: Told) -> Entry:
    data = told.data
    return Entry(
        title=gettext("approved %(tool)s, as others still have to") % {"tool": data["tool"]},
        who=str(data.get("by") or gettext("Somebody")),
        icon="person",
        tone="waiting",
        facts=(
            gettext("%(have)s of %(quorum)s") % {"have": data["have"], "quorum": data["quorum"]},
            gettext("stage %(stage)s of %(stages)s") % {"stage": data["stage"], "stages": data["stages"]},
        ),
    )


@tells(_E.APPROVAL_CLAIMED)
def approval_claimed(told: Told) -> Entry:
    return _handled(told, gettext("took %(tool)s on") % {"tool": told.data["tool"]})


@tells(_E.APPROVAL_RELEASED)
def approval_released(told: Told) -> Entry:
    return _handled(told, gettext("gave %(tool)s back") % {"tool": told.data["tool"]})


@tells(_E.APPROVAL_REASSIGNED)
def approval_reassigned(told: Told) -> Entry:
    return _handled(told, gettext("handed %(tool)s to %(to)s") % {"tool": told.data["tool"], "to": told.data["to"]})


def _handled(told: Told, title: str) -> Entry:
    return Entry(title=title, who=str(told.data.get("by") or gettext("Somebody")), icon="person", tone="waiting")


@tells(_E.APPROVAL_REJECTED)
def approval_rejected(told: Told) -> Entry:
    return _declined(told, gettext("rejected %(tool)s") % {"tool": told.data["tool"]}, "bad")


@tells(_E.APPROVAL_SENT_BACK)
def approval_sent_back(told: Told) -> Entry:
    return _declined(told, gettext("sent %(tool)s back") % {"tool": told.data["tool"]}, "waiting")


def _declined(told: Told, title: str, tone: str) -> Entry:
    made = told.rows.decision_on(told.id("request"))
    return Entry(
        title=title,
        who=str(told.data.get("by") or gettext("Somebody")),
        reason=told.text(made.reason) if made else "",
        icon="person",
        tone=tone,
        facts=(DOORS.get(made.door, made.door),) if made else (),
    )


@tells(_E.APPROVAL_EXPIRED)
def approval_expired(told: Told) -> Entry:
    return Entry(
        title=gettext("Nobody decided about %(tool)s in time") % {"tool": told.data["tool"]}, icon="clock", tone="bad"
    )


@tells(_E.APPROVAL_REMINDED)
def approval_reminded(told: Told) -> Entry:
    return Entry(
        title=gettext("Nobody has decided about %(tool)s yet: recalled") % {"tool": told.data["tool"]},
        icon="clock",
        minor=True,
    )


@tells(_E.APPROVAL_ESCALATED)
def approval_escalated(told: Told) -> Entry:
    to = ", ".join(str(told.data[name]) for name in ("group", "permission") if told.data.get(name))
    return Entry(
        title=gettext("Nobody has decided about %(tool)s yet: others may as well") % {"tool": told.data["tool"]},
        icon="clock",
        tone="waiting",
        note=to,
    )


@tells(_E.APPROVAL_OVERDUE)
def approval_overdue(told: Told) -> Entry:
    return Entry(
        title=gettext("The time to decide about %(tool)s is over; it keeps waiting") % {"tool": told.data["tool"]},
        icon="clock",
        tone="waiting",
    )


@tells(_E.APPROVAL_WITHDRAWN)
def approval_withdrawn(told: Told) -> Entry:
    reason = str(told.data.get("reason", ""))
    return Entry(
        title=gettext("The request about %(tool)s was withdrawn") % {"tool": told.data["tool"]},
        icon="stop",
        note=reason,
        minor=True,
    )
