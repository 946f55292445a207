"""Events as sentences, for the live stream."""

from collections import defaultdict
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from agents_app.core.events import EventType
from agents_app.management.console import counted, moment_text, status_text

_T = EventType

SENTENCES: Mapping[EventType, str] = MappingProxyType(
    {
        _T.RUN_STARTED: "accepted",
        _T.RUN_WAITING: "is {status}",
        _T.RUN_SCHEDULED: "goes on at {due_at}: {reason}",
        _T.RUN_HELD_BACK: "waits for a free slot: the limit of its {limit} is {most}",
        _T.RUN_PRIORITISED: "priority {before} → {after}, by {by}",
        _T.RUN_PAUSED: "paused by {by}: {reason}",
        _T.RUN_CODE_CHANGED: "goes on under changed code: {before} → {after} ({how})",
        _T.RUN_RESUMED: "resumed by {by}",
        _T.RUN_RETRIED: "retried by {by}",
        _T.RUN_RECOVERED: "taken over: the last worker gave no sign in time",
        _T.RUN_CANCEL_REQUESTED: "{by} wants it to end: {reason}",
        _T.RUN_CANCELLED: "cancelled",
        _T.RUN_COMPLETED: "completed in {steps} steps",
        _T.RUN_FAILED: "failed: {message} ({code})",
        _T.RUN_HIDDEN: "hidden by {by}: {reason}",
        _T.RUN_REVEALED: "shown again by {by}",
        _T.RUN_ERASED: "erased by {by}: {reason}",
        _T.STEP_STARTED: "step {number}: {kind}",
        _T.STEP_COMPLETED: "",
        _T.STEP_FAILED: "step {number} failed: {message} ({code})",
        _T.TOOL_CALL_PROPOSED: "proposes {tool}",
        _T.TOOL_CALL_READY: "",
        _T.TOOL_CALL_STARTED: "calls {tool}",
        _T.TOOL_CALL_SUCCEEDED: "{tool} returned",
        _T.TOOL_CALL_FAILED: "{tool} failed ({code})",
        _T.TOOL_CALL_UNKNOWN: "nobody knows whether {tool} happened ({code})",
        _T.TOOL_CALL_SETTLED: "{by} says of {tool}: {verdict}",
        _T.TOOL_CALL_REJECTED: "{tool} is not called ({code})",
        _T.TOOL_CALL_CANCELLED: "{tool} is not called: the run ends",
        _T.APPROVAL_REQUESTED: "{tool} needs approval",
        _T.APPROVAL_EDITED: "{by} changed the arguments of {tool}",
        _T.APPROVAL_ENDORSED: "{by} approved {tool}; others must, too ({have} of {quorum}, stage {stage} of {stages})",
        _T.APPROVAL_APPROVED: "{by} approved {tool}",
        _T.APPROVAL_CLAIMED: "{by} takes the question about {tool} on",
        _T.APPROVAL_RELEASED: "{by} gives the question about {tool} back",
        _T.APPROVAL_REASSIGNED: "{by} hands the question about {tool} to {to}",
        _T.APPROVAL_REJECTED: "{by} rejected {tool}",
        _T.APPROVAL_SENT_BACK: "{by} sent {tool} back",
        _T.APPROVAL_EXPIRED: "nobody decided on {tool} in time",
        _T.APPROVAL_WITHDRAWN: "the question about {tool} no longer matters: {reason}",
        _T.APPROVAL_REMINDED: "nobody has decided about {tool}: whoever may is told once more",
        _T.APPROVAL_ESCALATED: "nobody has decided about {tool}: others may as well",
        _T.APPROVAL_OVERDUE: "nobody decided on {tool} in time; it keeps waiting",
        _T.GRANT_MADE: "{by} allows the like of {tool} from now on",
        _T.GRANT_REVOKED: "{by} revokes the standing grant for {tool}",
        _T.INPUT_REQUESTED: "asks its user",
        _T.INPUT_ANSWERED: "{by} answered",
        _T.INPUT_EXPIRED: "nobody answered in time",
        _T.INPUT_WITHDRAWN: "the question no longer matters",
        _T.MEMORY_UPDATED: "memory: {what} {key} {act}",
        _T.RETRIEVAL_COMPLETED: "searched {collections}: {passages}",
        _T.MESSAGE_PRODUCED: "says",
        _T.BUDGET_CHANGED: "{by} set its budget",
        _T.BUDGET_RESERVED: "",
        _T.BUDGET_SETTLED: "",
        _T.BUDGET_EXCEEDED: "the {scope}'s budget has not enough {kind} left: {spent} of {limit} spent",
    }
)
"""What is said of each event; nothing of those that others tell already."""

STYLES: Mapping[EventType, str] = MappingProxyType(
    {
        _T.RUN_COMPLETED: "SUCCESS",
        _T.APPROVAL_APPROVED: "SUCCESS",
        _T.TOOL_CALL_SUCCEEDED: "SUCCESS",
        _T.RUN_FAILED: "ERROR",
        _T.STEP_FAILED: "ERROR",
        _T.BUDGET_EXCEEDED: "ERROR",
        _T.TOOL_CALL_FAILED: "ERROR",
        _T.TOOL_CALL_UNKNOWN: "ERROR",
        _T.APPROVAL_REQUESTED: "WARNING",
        _T.APPROVAL_REJECTED: "WARNING",
        _T.INPUT_REQUESTED: "WARNING",
        _T.RUN_PAUSED: "WARNING",
        _T.RUN_CANCELLED: "WARNING",
    }
)


def sentence(event: EventType, data: Mapping[str, Any]) -> str:
    """What an event says; empty for one that is not told."""
    if event == _T.STEP_STARTED and data["kind"] != "think":
        return ""
    words = defaultdict(str, {name: value for name, value in data.items() if value is not None})
    words["by"] = words["by"] or "the system"
    if "due_at" in data:
        words["due_at"] = moment_text(data["due_at"])
    if "status" in data:
        words["status"] = status_text(data["status"])
    if event == _T.RETRIEVAL_COMPLETED:
        words["collections"], words["passages"] = _searched(data), counted(len(data.get("ids", ())), "passage")
    text = SENTENCES[event].format_map(words).removesuffix(": ").rstrip()
    if event in (_T.RETRIEVAL_COMPLETED, _T.MEMORY_UPDATED) and data.get("error"):
        text = _with_error(event, data, text)
    attempt = data.get("attempt", 1)
    return f"{text}, attempt {attempt}" if text and attempt > 1 else text


def _searched(data: Mapping[str, Any]) -> str:
    nothing = "with its own retriever" if data.get("mode") == "retriever" else "nothing that its user may see"
    return ", ".join(data.get("collections", ())) or nothing


def _with_error(event: EventType, data: Mapping[str, Any], text: str) -> str:
    """What failed, and what was done instead."""
    if event == _T.MEMORY_UPDATED:
        return f"{text} failed ({data['error']})"
    by_words = f"{text}, by words alone ({data['error']})"
    return by_words if data.get("mode") else f"could not look anything up ({data['error']})"
