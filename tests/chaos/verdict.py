"""What must hold after a chaos, of the rows and of the diary. Each finding is one promise that was broken."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from django.db.models import F, QuerySet

from agents_app.core.status import ENDED, WAITING_FOR_PEOPLE
from agents_app.models import (
    AgentContext,
    AgentEvent,
    AgentStep,
    ApprovalRequest,
    Decision,
    EventCursor,
    InputRequest,
    ToolCall,
    database_now,
)
from tests.chaos import diary
from tests.chaos.replay import ENDS, replay

GRACE_SECONDS = 1.0
"""Between the check of a lease and the note of it: a machine under load takes its time."""
GATED = "pay"
RECONCILED = "post"
"""The external tool that can find out later whether it happened: it may be called again if it did not."""

Entries = dict[str, list[dict[str, Any]]]


@dataclass(kw_only=True)
class Verdict:
    """Findings by the promise that they break."""

    findings: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    repeated: int = 0
    """Executions beyond the first of a call, all of them allowed."""
    frozen: int = 0
    """Executions by a process that was stopped between its check and the call: what no guard closes."""

    def found(self, promise: str, text: str) -> None:
        """Something is broken."""
        self.findings[promise].append(text)


def judge(home: Path, written: Counter[str]) -> Verdict:
    """Look at everything. home: of the diary. written: how often atomic calls have taken place, by idempotency key."""
    verdict, entries = Verdict(), diary.read(home)
    contexts = {str(context.pk): context for context in AgentContext.objects.select_related("details")}
    calls = {str(call.pk): call for call in ToolCall.objects.all()}
    _nothing_is_lost(verdict, entries, contexts.values())
    _each_effect_as_declared(verdict, entries, calls, written)
    _as_their_receivers_say(verdict, entries, calls, home)
    _nothing_ran_ungated(verdict, entries, calls)
    _one_holder(verdict, entries)
    _handlers_are_told(verdict, entries)
    for context in contexts.values():
        _log_equals_rows(verdict, context)
    return verdict


def unsettled() -> int:
    """How many runs neither have ended nor wait for somebody, and how many have events that a handler was not told."""
    untold = EventCursor.objects.filter(wanted__gt=F("sequence")).count()
    return _under_way().count() + untold


def _under_way() -> "QuerySet[AgentContext]":
    """As the verdict sees it: who waits for people is held by nobody."""
    waiting = AgentContext.objects.filter(status__in=WAITING_FOR_PEOPLE, lease_until__isnull=True)
    return AgentContext.objects.exclude(status__in=ENDED).exclude(pk__in=waiting.values("pk"))


def under_way() -> str:
    """What they wait for, for people."""
    now = database_now()
    contexts = _under_way()
    return "; ".join(
        f"{context.status} due in {(context.due_at - now).total_seconds() if context.due_at else None} s, "
        f"{'held' if context.lease_until else 'free'}, {context.claims_without_progress} deaths, {context.hints} hints"
        for context in contexts[:12]
    )


# 1. Accepted means never lost.


def _nothing_is_lost(verdict: Verdict, entries: Entries, contexts: Iterable[AgentContext]) -> None:
    there = {str(context.pk) for context in contexts}
    for entry in entries["accepted"]:
        if entry["run"] not in there:
            verdict.found("lost", f"run {entry['run']} was accepted and is not there")
    for context in contexts:
        waits = context.status in WAITING_FOR_PEOPLE and context.lease_until is None
        if not context.ended and not waits:
            verdict.found("lost", f"run {context.pk} is {context.status}, due at {context.due_at}")
    numbers = Counter(context.details.idempotency_key for context in contexts)
    for key, count in numbers.items():
        if count > 1:
            verdict.found("duplicate", f"{count} runs were made of the start {key}")


# 3. No side effect is repeated silently.


def _each_effect_as_declared(
    verdict: Verdict, entries: Entries, calls: dict[str, ToolCall], written: Counter[str]
) -> None:
    executed = _by_call(entries["executed"])
    for call_id, times in executed.items():
        if call_id not in calls:
            verdict.found("duplicate", f"a call {call_id} was made that is not in the ledger")
            continue
        call = calls[call_id]
        verdict.repeated += len(times) - 1
        if len({entry["key"] for entry in times}) > 1:
            verdict.found("duplicate", f"{_name(call)} was made with several idempotency keys")
        if len({entry["attempt"] for entry in times}) < len(times):
            verdict.found("duplicate", f"{_name(call)} was made twice in one attempt")
    for call in calls.values():
        times_written = written[call.idempotency_key or ""]
        if call.effect == "atomic" and times_written != (call.status == "succeeded"):
            verdict.found("duplicate", f"{_name(call)} is {call.status} and took place {times_written} times")
        if call.status == "succeeded" and str(call.pk) not in executed and not _said_happened(call):
            verdict.found("lost", f"{_name(call)} has succeeded and was never made")
    slots = Counter((call.context_id, call.tool, call.arguments) for call in calls.values() if call.tool != GATED)
    for slot, count in slots.items():
        if count > 1:
            verdict.found("duplicate", f"the call {slot} was stored {count} times")


def _as_their_receivers_say(verdict: Verdict, entries: Entries, calls: dict[str, ToolCall], home: Path) -> None:
    """What was acted on, where somebody may act once only; a person's word allows one time more."""
    words = Counter(entry["call"] for entry in entries["word"] if entry["word"] == "try_again")
    for call_id, times in _by_call(entries["executed"]).items():
        if (call := calls.get(call_id)) is None:
            continue
        effects = diary.effects(home, times[0]["key"] or "-")
        if call.effect == "idempotent" and effects > 1:
            verdict.found("duplicate", f"{_name(call)} acted {effects} times with one key")
        if call.effect == "external":
            made = effects if call.tool == RECONCILED else len(times)
            if made > 1 + words[call_id]:
                verdict.found(
                    "duplicate", f"{_name(call)} took place {made} times, and a person allowed {words[call_id]} more"
                )


def _by_call(executed: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in executed:
        found[entry["call"]].append(entry)
    return found


def _said_happened(call: ToolCall) -> bool:
    return Decision.objects.filter(call=call, verdict="happened").exists()


# 2. Nothing gated runs ungated.


def _nothing_ran_ungated(verdict: Verdict, entries: Entries, calls: dict[str, ToolCall]) -> None:
    said: dict[str, float] = {}
    for entry in entries["approving"]:
        said.setdefault(entry["call"], entry["t"])
    for entry in entries["executed"]:
        call = calls.get(entry["call"])
        if entry["tool"] != GATED or call is None:
            continue
        if entry["call"] not in said or said[entry["call"]] > entry["t"]:
            verdict.found("ungated", f"{_name(call)} was made before anybody approved it")
            continue
        decision = Decision.objects.filter(call=call, verdict="approved").order_by("pk").last()
        if decision is None or decision.digest != call.digest:
            verdict.found("ungated", f"{_name(call)} was made, and no approval of these arguments is recorded")
        if json.loads(call.arguments)["amount"] != entry["amount"]:
            verdict.found("ungated", f"{_name(call)} was made with other arguments than were approved")


# 7. Any worker anywhere: never two holders.


def _one_holder(verdict: Verdict, entries: Entries) -> None:
    taken: dict[str, dict[int, float]] = defaultdict(dict)
    for entry in entries["claimed"]:
        if entry["claim"] in taken[entry["run"]]:
            verdict.found("two-holders", f"run {entry['run']}: claim {entry['claim']} was given twice")
        taken[entry["run"]][entry["claim"]] = entry["t"]
    _no_late_checks(verdict, entries, taken)
    _no_late_writes(verdict, entries)


def _no_late_checks(verdict: Verdict, entries: Entries, taken: dict[str, dict[int, float]]) -> None:
    for entry in entries["checked"]:
        later = [moment for claim, moment in taken[entry["run"]].items() if claim > entry["claim"]]
        if not later or entry["t"] <= min(later) + GRACE_SECONDS:
            continue
        if _was_frozen(entries, entry["pid"], min(later), entry["t"]):
            verdict.frozen += 1
        else:
            late = entry["t"] - min(later)
            verdict.found(
                "two-holders", f"run {entry['run']}: claim {entry['claim']} called {late:.1f} s after the next"
            )


def _was_frozen(entries: Entries, pid: int, since: float, until: float) -> bool:
    """Whether this process was stopped at some time between."""
    starts = [entry["t"] for entry in entries["frozen"] if entry["process"] == pid]
    ends = [entry["t"] for entry in entries["thawed"] if entry["process"] == pid]
    return any(start - GRACE_SECONDS <= until for start in starts) and any(end >= since for end in ends)


def _no_late_writes(verdict: Verdict, entries: Entries) -> None:
    """Versions grow with claims: nothing was written under an older claim than what came before it."""
    newest: dict[str, tuple[int, int]] = {}
    for entry in sorted(entries["changed"], key=lambda entry: (entry["run"], entry["version"], entry["claim"] or 0)):
        if entry["claim"] is None:
            continue
        run, claim = entry["run"], entry["claim"]
        if run in newest and claim < newest[run][0] and entry["version"] > newest[run][1]:
            verdict.found("two-holders", f"run {run}: claim {claim} wrote after claim {newest[run][0]} had")
        newest[run] = max(newest.get(run, (0, 0)), (claim, entry["version"]))


# Event handlers: each is told each event of its kinds, at least once, those of a run in their order.


def _handlers_are_told(verdict: Verdict, entries: Entries) -> None:
    told: dict[str, list[int]] = defaultdict(list)
    for entry in entries["told"]:
        if entry["sequence"] not in told[entry["run"]]:
            told[entry["run"]].append(entry["sequence"])
    if not EventCursor.objects.exists():  # nobody listens
        return
    ends = AgentEvent.objects.filter(type__in=ENDS).order_by("context", "sequence").values_list("context", "sequence")
    for run, sequences in groupby(ends, key=itemgetter(0)):
        if told[str(run)] != (wanted := [sequence for _, sequence in sequences]):
            verdict.found("lost", f"run {run}: handlers were told {told[str(run)]} of {wanted}")


# 5. The event log has no gaps, and equals the rows.


def _log_equals_rows(verdict: Verdict, context: AgentContext) -> None:
    events = list(AgentEvent.objects.filter(context=context).order_by("sequence"))
    if [event.sequence for event in events] != list(range(1, context.version + 1)):
        verdict.found("gap", f"run {context.pk}: version {context.version}, {len(events)} events")
        return
    told = replay(events)
    rows = {
        "run": (told.run, context.status if context.ended or context.status in WAITING_FOR_PEOPLE else told.run),
        "calls": (told.calls, _statuses(ToolCall, context)),
        "attempts": (told.attempts, _attempts(context)),
        "approvals": (told.approvals, _statuses(ApprovalRequest, context)),
        "inputs": (told.inputs, _statuses(InputRequest, context)),
        "turns": ({number for number, state in told.turns.items() if state == "completed"}, _turns(context)),
    }
    for what, (log, row) in rows.items():
        if log != row:
            verdict.found("gap", f"run {context.pk}: {what}: the log says {log}, the rows say {row}")


def _statuses(model: Any, context: AgentContext) -> dict[str, str]:
    return {str(key): status for key, status in model.objects.filter(context=context).values_list("pk", "status")}


def _attempts(context: AgentContext) -> dict[str, int]:
    started = ToolCall.objects.filter(context=context, attempt__gt=0).values_list("pk", "attempt")
    return {str(key): attempt for key, attempt in started}


def _turns(context: AgentContext) -> set[int]:
    thought = AgentStep.objects.filter(context=context, kind="think", status="completed")
    return set(thought.values_list("number", flat=True))


def _name(call: ToolCall) -> str:
    return f"{call.tool} {call.pk} of run {call.context_id}"
