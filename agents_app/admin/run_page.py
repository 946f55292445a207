"""What the page of a run shows beside its timeline: how it stands, what it waits for, what may be done."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from agents_app.admin.blocks import Block, block
from agents_app.admin.call_entries import cost
from agents_app.admin.citations import citations_of
from agents_app.admin.code_changes import asks_about_code, shown_change
from agents_app.admin.displays import NO_CODE, PRIORITIES, SENTENCES, SLOTS, Words, badge, between, number, time_tag
from agents_app.admin.links import Links, subject_of
from agents_app.admin.meters import budget_facts
from agents_app.admin.run_rows import EVENTS_SHOWN, RunRows, read_run_rows
from agents_app.admin.timeline import timeline
from agents_app.core.internal import is_internal
from agents_app.core.priority import RANKS, priority_of
from agents_app.core.status import RunStatus
from agents_app.models import AgentContext, PartialReply, RunDetails
from agents_app.selectors.people import HIDE, may_answer, may_cancel, may_control, may_settle
from agents_app.services.amounts import currencies_of_answer
from agents_app.services.approvals import Decider
from agents_app.services.code_changes import CODE_CHANGED

REASONED = ("cancel", "pause", "hide")
"""Verbs that take a reason."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A button: the verb of the address, its words, and how it looks."""

    verb: str
    label: str
    style: str = ""

    @property
    def reasoned(self) -> bool:
        """Whether a reason may be given."""
        return self.verb in REASONED


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """Something that waits for a person, and where it is dealt with (nowhere for those who may not)."""

    text: str
    words: str
    url: str


PARTS = ("head", "waiting", "commands", "answer", "timeline", "facts")
"""The parts of the page that are replaced when there is news, each a template `agents_app/run/<name>.html`."""


def commands_for(user: Any, context: AgentContext) -> list[Command]:
    """What this person may do with the run now."""
    commands: list[Command] = []
    ended, ending = context.ended, context.cancel_requested_at is not None
    if may_control(user, context) and not ending:
        changed = asks_about_code(context)
        if changed:
            commands.append(Command(verb="accept", label=gettext("Go on under the new code"), style="aa-primary"))
        if context.status == RunStatus.FAILED and not changed and context.details.restored_at is None:
            commands.append(Command(verb="retry", label=gettext("Retry"), style="aa-primary"))
        elif not ended and context.paused_at is not None and context.details.held_code != CODE_CHANGED:
            again = gettext("Try again") if changed else gettext("Resume")
            commands.append(Command(verb="resume", label=again, style="" if changed else "aa-primary"))
        elif not ended and not changed:
            commands.append(Command(verb="pause", label=gettext("Pause")))
        if not ended:
            commands += _priorities(context)
    if ended and context.details.restored_at is None and user.is_active and user.has_perm(HIDE):
        hidden = context.hidden_at is not None
        commands.append(
            Command(verb="reveal", label=gettext("Show it again"))
            if hidden
            else Command(verb="hide", label=gettext("Hide"))
        )
    if not ended and not ending and may_cancel(user, context):
        commands.append(Command(verb="cancel", label=gettext("Cancel the run"), style="aa-danger"))
    return commands


def _priorities(context: AgentContext) -> list[Command]:
    """One step up, one step down."""
    by_rank = {rank: priority.value for priority, rank in RANKS.items()}
    steps = ((context.priority + 1, gettext("Raise priority")), (context.priority - 1, gettext("Lower priority")))
    return [Command(verb=by_rank[rank], label=label) for rank, label in steps if rank in by_rank]


def waiting_for(user: Any, rows: RunRows, links: Links) -> list[Waiting]:
    """What the run waits for, each with the way to deal with it."""
    found, person = [], Decider(user)
    for request in rows.pending_requests:
        request.call, request.context = rows.calls[request.call_id], rows.context
        allowed = person.may_decide(request).allowed
        text = (
            request.summary
            if rows.transcript or allowed
            else gettext("A decision about %(tool)s") % {"tool": request.call.tool}
        )
        url = links.row("approvalrequest", request.pk) if allowed else ""
        found.append(Waiting(text=text, words=gettext("Decide"), url=url))
    for question in rows.pending_inputs:
        allowed = may_answer(user, rows.context)
        text = question.question if rows.transcript or allowed else gettext("A question to the user")
        found.append(
            Waiting(text=text, words=gettext("Answer"), url=links.row("inputrequest", question.pk) if allowed else "")
        )
    for call in rows.unknown_calls:
        allowed = may_settle(user, call)
        text = gettext("Nobody knows whether %(tool)s happened") % {"tool": call.tool}
        found.append(Waiting(text=text, words=gettext("Settle"), url=links.row("toolcall", call.pk) if allowed else ""))
    return found


def answer_of(rows: RunRows) -> Block | None:
    """The answer, for those who may read it."""
    context = rows.context
    if context.status != RunStatus.COMPLETED or not rows.transcript:
        return None
    return block("answer", gettext("Answer"), context.details.output, currencies_of_answer(context.agent))


def hindrance(context: AgentContext) -> str:
    """Why the run does not go on, in one sentence; empty if nothing is wrong."""
    details = context.details
    if context.status == RunStatus.FAILED:
        return f"{details.error} ({details.error_code})"
    if context.status == RunStatus.PAUSED:
        held = {"who": details.held_by or gettext("the system"), "why": details.held_why}
        return (gettext("Paused by %(who)s: %(why)s") if details.held_why else gettext("Paused by %(who)s.")) % held
    if context.cancel_requested_at is not None:
        return _cancelled(context)
    return ""


def _hidden(context: AgentContext) -> str:
    """Who sees this is told that others do not."""
    if context.hidden_at is None:
        return ""
    named = {"who": context.details.hidden_by or gettext("the system"), "why": context.details.hidden_why}
    told = gettext("Hidden by %(who)s: %(why)s") if named["why"] else gettext("Hidden by %(who)s.")
    return told % named


def _cancelled(context: AgentContext) -> str:
    details = context.details
    named = {"who": details.cancelled_by or gettext("the system"), "why": details.cancelled_why}
    if context.ended:
        return (gettext("Cancelled by %(who)s: %(why)s") if named["why"] else gettext("Cancelled by %(who)s.")) % named
    if named["why"]:
        return gettext("Being cancelled; what has started is waited for. Asked by %(who)s: %(why)s") % named
    return gettext("Being cancelled; what has started is waited for. Asked by %(who)s.") % named


def head_of(context: AgentContext) -> dict[str, Any]:
    """How the run stands, also on pages of its requests."""
    status = RunStatus(context.status)
    return {
        "badge": badge(status),
        "meaning": _meaning(context),
        "since": time_tag(context.status_at),
        "hindrance": hindrance(context),
        "hidden": _hidden(context),
        "continues": time_tag(context.due_at) if status is RunStatus.SCHEDULED else None,
    }


def _meaning(context: AgentContext) -> Words:
    if context.waits_for_code_since is not None:
        return NO_CODE
    return SLOTS.get(context.waits_for_slot) or SENTENCES[RunStatus(context.status)]


def _served(context: AgentContext) -> str:
    """Whose memory a run of ours sees to."""
    if not is_internal(context.agent):
        return ""
    return gettext("sees to what %(agent)s remembers") % {"agent": context.details.metadata.get("agent") or "–"}


def facts_of(site: AdminSite, request: HttpRequest, rows: RunRows) -> list[tuple[str, Any]]:
    """(label, value) pairs about the run; empty values are left out."""
    context, details, links = rows.context, rows.context.details, Links(site)
    subject = subject_of(site, request, details.subject_type_id, details.subject_id)
    session = context.session
    tokens_in = sum(step.input_tokens for step in rows.steps.values())
    tokens_out = sum(step.output_tokens for step in rows.steps.values())
    costs = [step.cost for step in rows.steps.values() if step.cost is not None]
    facts: list[tuple[str, Any]] = [
        (gettext("Agent"), context.agent),
        (gettext("Internal"), _served(context)),
        (gettext("User"), details.user_name or gettext("none")),
        (gettext("Started by"), details.started_by_name if details.started_by_name != details.user_name else ""),
        (gettext("About"), subject),
        (gettext("Session"), links.anchor("agentsession", session.pk, session.key) if session else ""),
        (gettext("Accepted"), time_tag(details.created_at)),
        (gettext("Ended"), time_tag(details.ended_at) if details.ended_at else ""),
        (gettext("Took"), between(details.created_at, details.ended_at)),
        (gettext("Restored"), restored(details)),
        (gettext("Hidden"), _since(context.hidden_at, details.hidden_by, details.hidden_why)),
        (gettext("Erased"), time_tag(details.erased_at) if details.erased_at else ""),
        (gettext("Time limit"), time_tag(context.deadline_at) if context.deadline_at and not context.ended else ""),
        (gettext("Priority"), PRIORITIES[priority_of(context.priority)] if context.priority else ""),
        (
            gettext("Steps"),
            gettext("%(have)s of %(quorum)s") % {"have": context.steps_used, "quorum": context.max_steps},
        ),
        (
            gettext("Tokens"),
            gettext("%(tokens_in)s in, %(tokens_out)s out")
            % {"tokens_in": number(tokens_in), "tokens_out": number(tokens_out)},
        ),
        (gettext("Cost"), cost(sum(costs[1:], costs[0])) if costs else ""),
        *budget_facts(request.user, context),
        (
            gettext("Metadata"),
            block("metadata", gettext("Metadata"), details.metadata) if details.metadata and rows.transcript else "",
        ),
        (gettext("Run"), str(context.pk)),
    ]
    return [(label, value) for label, value in facts if value not in ("", None)]


def restored(details: RunDetails) -> SafeString | str:
    """Since when an archived run is back; nothing for all others."""
    if details.restored_at is None:
        return ""
    return format_html(gettext("{}, from an archive, to be read only"), time_tag(details.restored_at))


def _since(moment: datetime | None, who: str, why: str) -> SafeString | str:
    if moment is None:
        return ""
    if why:
        return format_html(gettext("{} by {}: {}"), time_tag(moment), who or gettext("the system"), why)
    return format_html(gettext("{} by {}"), time_tag(moment), who or gettext("the system"))


@dataclass(frozen=True, kw_only=True)
class RunPage:
    """The page's parts, for its first rendering and for news."""

    site: AdminSite
    request: HttpRequest
    rows: RunRows

    def context(self) -> dict[str, Any]:
        """What the parts' templates need."""
        links, user, run = Links(self.site), self.request.user, self.rows.context
        return {
            "run": run,
            "head": head_of(run),
            "commands": [
                {"command": command, "url": links.to("agentcontext_command", run.pk, command.verb)}
                for command in commands_for(user, run)
            ],
            "code_change": shown_change(user, run),
            "waiting": waiting_for(user, self.rows, links),
            "answer": answer_of(self.rows),
            "citations": citations_of(self.site, self.request, self.rows),
            "entries": timeline(self.rows, links),
            "transcript": self.rows.transcript,
            "cut": len(self.rows.events) == EVENTS_SHOWN,
            "facts": facts_of(self.site, self.request, self.rows),
            "events_url": links.to("agentevent_changelist") + f"?context__id__exact={run.pk}",
        }

    def parts(self) -> Mapping[str, SafeString]:
        """Each part as HTML."""
        context = self.context()
        return {name: render_to_string(f"agents_app/run/{name}.html", context) for name in PARTS}


def news_key(context: AgentContext, partial: PartialReply | None) -> str:
    """Changes whenever the page would."""
    return f"{context.version}" + (f".{partial.step}.{partial.attempt}.{partial.index}" if partial else "")


def run_page(site: AdminSite, request: HttpRequest, context: AgentContext) -> RunPage:
    """Read what the page of a run needs."""
    return RunPage(site=site, request=request, rows=read_run_rows(context, request.user))
