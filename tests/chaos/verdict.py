"""What must hold after a chaos, of the rows and of the diary. Each finding is one promise that was broken."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents_app.core.status import ENDED, WAITING_FOR_PEOPLE
from agents_app.models import AgentContext, AgentEvent, AgentStep, ApprovalRequest, Decision, InputRequest, ToolCall
from tests.chaos import diary
from tests.chaos.models import Entry
from tests.chaos.replay import replay

GRACE_SECONDS = 1.0
"""Between the check of a lease and the note of it: a machine under load takes its time."""
GATED = "pay"

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


def judge(home: Path) -> Verdict:
    """Look at everything."""
    verdict, entries = Verdict(), diary.read(home)
    contexts = {str(context.pk): context for context in AgentContext.objects.select_related("details")}
    calls = {str(call.pk): call for call in ToolCall.objects.all()}
    _nothing_is_lost(verdict, entries, contexts.values())
    _each_effect_as_declared(verdict, entries, calls, home)
    _nothing_ran_ungated(verdict, entries, calls)
    _one_holder(verdict, entries)
    for context in contexts.values():
        _log_equals_rows(verdict, context)
    return verdict


def unsettled() -> int:
    """How many runs neither have ended nor wait for somebody."""
    return AgentContext.objects.exclude(status__in=ENDED | WAITING_FOR_PEOPLE).count()


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


def _each_effect_as_declared(verdict: Verdict, entries: Entries, calls: dict[str, ToolCall], home: Path) -> None:
    executed: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in entries["executed"]:
        executed[entry["call"]].append(entry)
    words = Counter(entry["call"] for entry in entries["word"] if entry["word"] == "try_again")
    written = Counter(Entry.objects.values_list("key", flat=True))
    for call_id, times in executed.items():
        if call_id not in calls:
            verdict.found("duplicate", f"a call {call_id} was made that is not in the ledger")
            continue
        call = calls[call_id]
        verdict.repeated += len(times) - 1
        keys = {entry["key"] for entry in times}
        if len(keys) > 1:
            verdict.found("duplicate", f"{_name(call)} was made with {len(keys)} idempotency keys")
        attempts = Counter(entry["attempt"] for entry in times)
        if max(attempts.values()) > 1:
            verdict.found("duplicate", f"{_name(call)} was made twice in one attempt")
        _as_declared(verdict, call, len(times), diary.effects(home, keys.pop() or "-"), words[call_id])
    for call in calls.values():
        if call.effect == "atomic" and written[call.idempotency_key] != (call.status == "succeeded"):
            verdict.found(
                "duplicate", f"{_name(call)} is {call.status} and took place {written[call.idempotency_key]} ×"
            )
        if call.status == "succeeded" and not executed[str(call.pk)] and not _said_happened(call):
            verdict.found("lost", f"{_name(call)} has succeeded and was never made")
    slots = Counter((call.context_id, call.tool, call.arguments) for call in calls.values() if call.tool != GATED)
    for slot, count in slots.items():
        if count > 1:
            verdict.found("duplicate", f"the call {slot} was stored {count} times")


def _as_declared(verdict: Verdict, call: ToolCall, times: int, effects: int, words: int) -> None:
    if call.effect == "idempotent" and effects > 1:
        verdict.found("duplicate", f"{_name(call)} acted {effects} times with one key")
    if call.tool == "post" and effects > 1 + words:
        verdict.found("duplicate", f"{_name(call)} took place {effects} times, and a person said so {words} times")
    if call.effect == "external" and call.tool != "post" and times > 1 + words:
        verdict.found("duplicate", f"{_name(call)} was made {times} times, and a person said so {words} times")


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
        if f'"amount":{entry["amount"]},' not in call.arguments.replace(" ", "") + ",":
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
