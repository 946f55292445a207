"""Choosing and opening what comes next, under the lock of the change that records what came before."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from agents_app.core.budgets import Refusal
from agents_app.core.decide import decide
from agents_app.core.derive import due_at_of
from agents_app.core.next_step import CallLLM, Cancel, Complete, Fail, NextStep, Reconcile, RunTools
from agents_app.core.status import Effect, ToolCallStatus
from agents_app.gate.dispatch import Dispatch, Go, row_checks
from agents_app.models import ToolCall
from agents_app.runtime.held import Act, Held, ReconcileAct, SleepAct, ThinkAct, ToolAct
from agents_app.runtime.llm_gate import permit_without_asking
from agents_app.transitions import Change, approvals, budgets, calls, grants, runs, thinking
from agents_app.transitions.steps import MARGIN_SECONDS

NAP_SECONDS = 5.0
"""A wait up to this long is slept through with the run held; a longer one gives the run back."""

MOST_TURNS = 200
"""Rounds of deciding in one change; each opens, asks or refuses at least one thing, so this is never reached."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdicts:
    """What the gate found, and at which version of the run and of the rules. At any other it counts for nothing."""

    version: int
    of: Mapping[UUID, Dispatch]
    rules: str = ""


@dataclass(kw_only=True, slots=True)
class Advance:
    """The acts that were opened, and the calls that the gate must judge before more can be; or whether the gate in
    front of the LLM must be asked.

    `refused`: a budget has nothing left for a call that is next; when nothing is open any more the run ends by it.
    `grant`: the standing grant whose row this change has written.
    """

    acts: list[Act] = field(default_factory=list)
    judge: list[UUID] = field(default_factory=list)
    ask_llm: bool = False
    refused: Refusal | None = None
    grant: UUID | None = None

    @property
    def asks(self) -> bool:
        """Whether somebody must be asked outside of the transaction."""
        return self.ask_llm or bool(self.judge)


def advance(edit: Change, held: Held, verdicts: Verdicts | None) -> Advance:
    """Open whatever can be opened now; else end the run, or give it back."""
    fresh: Mapping[UUID, Dispatch] = {}
    if verdicts is not None and verdicts.version == edit.context.version and edit.by_rules(verdicts.rules):
        fresh = verdicts.of
    opened = Advance()
    for _ in range(MOST_TURNS):
        step = decide(edit.snapshot())
        if not _take(step, edit, held, fresh, opened):
            break
    if opened.refused is not None and not _busy(edit, held):
        budgets.tell_exceeded(edit, opened.refused)
        runs.fail(edit, opened.refused.code, opened.refused.message)
    if edit.context.ended or opened.asks or _busy(edit, held):
        return opened
    _rest(edit, held, opened)
    return opened


def _take(step: NextStep, edit: Change, held: Held, fresh: Mapping[UUID, Dispatch], opened: Advance) -> bool:
    """Take one decided step; says whether to decide again."""
    match step:
        case Complete():
            response = edit.rows.think.response if edit.rows.think else None
            runs.complete(edit, (response or {}).get("answer"))
        case Fail(code, message):
            runs.fail(edit, code, message)
        case Cancel():
            runs.cancel(edit)
        case CallLLM() if not held.draining:
            return _open_turn(edit, held, opened)
        case Reconcile(call_id) if not held.draining:
            return _open_reconcile(edit, held, call_id, opened)
        case RunTools(call_ids) if not held.draining:
            return _open_calls(edit, held, call_ids, fresh, opened)
    return False


def _busy(edit: Change, held: Held) -> bool:
    snapshot = edit.snapshot()
    return bool(snapshot.started) or snapshot.thinking or bool(held.asking)


def _rest(edit: Change, held: Held, opened: Advance) -> None:
    """Nothing is open: sleep through a short wait, else give the run back."""
    runs.release(edit)
    due = due_at_of(edit.snapshot())
    wait = None if due is None else (due - edit.now).total_seconds()
    if wait is not None and 0 < wait <= NAP_SECONDS and not held.draining and not held.inline:
        edit.keep_lease()
        opened.acts.append(SleepAct(timeout=wait))


def _open_turn(edit: Change, held: Held, opened: Advance) -> bool:
    permit = permit_without_asking(held, edit.rows.think)
    if permit is None:
        opened.ask_llm = True
        return False
    if permit.until is not None:
        thinking.hold_back(edit, permit.until, permit.why)
        return True
    step = thinking.open_turn(edit, llm=permit.llm)
    timeout = held.definition.llm_timeout + held.definition.briefing_timeout
    act = ThinkAct(step_id=step.pk, number=step.number, attempt=step.attempt, timeout=timeout, permit=permit)
    opened.acts.append(act)
    return True


def _open_reconcile(edit: Change, held: Held, call_id: UUID, opened: Advance) -> bool:
    call = edit.rows.call(call_id)
    if call is None:
        return False
    tool = held.definition.tools.get(call.tool)
    if tool is None or not tool.has_reconcile:
        calls.cannot_tell(edit, call)
        return True
    calls.ask_reconcile_later(edit, call, tool.timeout + MARGIN_SECONDS)
    held.asking.add(call.pk)
    opened.acts.append(ReconcileAct(call_id=call.pk, attempt=call.attempt, tool=tool, timeout=tool.timeout))
    return True


def _open_calls(
    edit: Change, held: Held, call_ids: tuple[UUID, ...], fresh: Mapping[UUID, Dispatch], opened: Advance
) -> bool:
    """Start, refuse or ask about each of these calls; those without a fresh verdict are left for the gate."""
    moved = False
    for call_id in call_ids:
        call = edit.rows.call(call_id)
        verdict = fresh.get(call_id)
        if call is None or verdict is None or not (_stands(edit, call, verdict) and _granted(edit, verdict, opened)):
            opened.judge.append(call_id)
            continue
        moved = True
        act = _apply(edit, held, call, verdict)
        if verdict.grant is not None and not isinstance(act, ToolAct):
            grants.give_back(verdict.grant.id, counts=verdict.grant.counts)
        if isinstance(act, Refusal):
            opened.refused = act
            return False
        if act is not None:
            opened.acts.append(act)
    return moved and not opened.judge


def _stands(edit: Change, call: ToolCall, verdict: Dispatch) -> bool:
    """Whether a START still holds by what the rows say now, under the lock."""
    return verdict.go is not Go.START or row_checks(call, edit.rows.request_of(call), edit.now) is None


def _granted(edit: Change, verdict: Dispatch, opened: Advance) -> bool:
    """Whether the standing grant that allows it, if one does, still has a use left. It is counted now, under the lock.

    One grant in a change, and before anything else that others may wait for: so nobody waits in a circle.
    """
    grant = verdict.grant
    if grant is None:
        return True
    if edit.rules_version is None or (grant.id != opened.grant and (opened.grant is not None or opened.acts)):
        return False
    opened.grant = grant.id
    return grants.use(grant.id, counts=grant.counts)


def _why_withdrawn(verdict: Dispatch) -> str:
    """In our words: a hook's own may quote arguments, and whoever may know of the run reads its events."""
    return verdict.reason if verdict.go is Go.ASK else f"The call is refused: {verdict.code}."


def _apply(edit: Change, held: Held, call: ToolCall, verdict: Dispatch) -> Act | Refusal | None:
    tool = held.definition.tools.get(call.tool)
    request = edit.rows.request_of(call)
    if verdict.go is not Go.START or tool is None:
        if request is not None:
            approvals.withdraw(edit, request, call, _why_withdrawn(verdict))
        if verdict.go is Go.REFUSE or tool is None:
            approvals.reject_call(
                edit, call, code=verdict.code, message=verdict.reason, rule=verdict.rule, why=verdict.told
            )
            return None
        approvals.request_approval(
            edit,
            call,
            reason=verdict.reason,
            rule=verdict.rule,
            summary=verdict.summary,
            times=tool.times,
            asked=verdict.asked,
            supersedes=request,
            why=verdict.told,
        )
        return None
    if call.status == ToolCallStatus.PROPOSED:
        calls.allow(edit, call)
    if call.effect in (Effect.EXTERNAL, Effect.IDEMPOTENT) and _twin_unknown(call, edit):
        calls.postpone_twin(edit, call)
        return None
    refused = budgets.count_call(edit, call) if held.claim.budgeted else None
    if refused is not None:
        return refused
    by = None if verdict.grant is None else verdict.grant.id
    calls.start(edit, call, timeout=tool.timeout, key=f"{call.pk}-{call.digest[:16]}", rule=verdict.rule, grant=by)
    return ToolAct(call_id=call.pk, attempt=call.attempt, tool=tool, timeout=tool.timeout)


def _twin_unknown(call: ToolCall, edit: Change) -> bool:
    """Whether a call of this tool with the same arguments in this session (or run) is of unknown outcome."""
    twins = ToolCall.objects.filter(
        tool=call.tool, arguments_hash=call.arguments_hash, status=ToolCallStatus.UNKNOWN
    ).exclude(pk=call.pk)
    session = edit.context.session_id
    twins = twins.filter(context=edit.context) if session is None else twins.filter(context__session_id=session)
    return twins.exists()
