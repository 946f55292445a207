"""The moves of tool calls: the ledger of side effects."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from agents_app.core.approval_times import BY_SETTINGS, ApprovalTimes
from agents_app.core.approver_rules import Asked
from agents_app.core.events import EventType
from agents_app.core.outcomes import SAID_NOTHING_HAPPENED, Ending, Outcome, meaning_of, postpone_seconds
from agents_app.core.status import ApprovalStatus, Effect, StepKind, StepStatus, ToolCallStatus, Verdict
from agents_app.models import AgentStep, Decision, ToolCall
from agents_app.models.new_rows import new_row
from agents_app.transitions.approvals import give_up_in_doubt, named, reject_call, request_approval, withdraw
from agents_app.transitions.change import Change
from agents_app.transitions.steps import close_step, reconcile_at

NOBODY_ASKED = Asked()
LEAST_POSTPONED_SECONDS = 1.0
"""A call that is postponed rests at least so long, whatever its tool says: it must not keep a worker spinning."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """A call that the LLM wants, ready to be stored. `problem`: (code, message) if it cannot be made at all."""

    id: UUID
    provider_id: str
    tool: str
    effect: Effect
    schema_hash: str = ""
    arguments: str = ""
    sealed: str = ""
    arguments_hash: str = ""
    digest: str = ""
    retries: int = 0
    reconcile: bool = False
    problem: tuple[str, str] | None = None


def propose(edit: Change, think: AgentStep, proposal: Proposal) -> ToolCall:
    """Store a call that the LLM proposed; one that cannot be made is rejected at once and the LLM reads why."""
    edit.context.last_call += 1
    call = new_row(
        ToolCall,
        id=proposal.id,
        context=edit.context,
        number=edit.context.last_call,
        proposed_by=think,
        provider_id=proposal.provider_id,
        tool=proposal.tool,
        effect=proposal.effect,
        schema_hash=proposal.schema_hash,
        arguments=proposal.arguments,
        sealed=proposal.sealed,
        arguments_hash=proposal.arguments_hash,
        digest=proposal.digest,
        retries=proposal.retries,
        reconcile=proposal.reconcile,
        status=ToolCallStatus.PROPOSED,
        status_at=edit.now,
        proposed_at=edit.now,
    )
    edit.add(call)
    edit.rows.calls.append(call)
    edit.record(EventType.TOOL_CALL_PROPOSED, **named(call), effect=call.effect, step=think.number)
    if proposal.problem is not None:
        code, message = proposal.problem
        reject_call(edit, call, code=code, message=message)
    return call


def allow(edit: Change, call: ToolCall) -> None:
    """The policy allows a proposed call."""
    edit.set_status(call, ToolCallStatus.READY)


def start(edit: Change, call: ToolCall, *, timeout: float, key: str, rule: str = "", grant: UUID | None = None) -> None:
    """Commit that the call is about to be made: its step, its attempt, and (once) its idempotency key. rule: which one
    decided on it, if one spoke of it; grant: the standing grant that allows it."""
    if call.step is None:
        step = edit.new_step(StepKind.USE_TOOL, held=True)
        edit.context.steps_used += 1
    else:
        step = call.step
        edit.set_status(
            step, StepStatus.STARTED, attempt=step.attempt + 1, claim_number=edit.claim, started_at=edit.now
        )
    edit.set_status(
        call,
        ToolCallStatus.STARTED,
        step=step,
        attempt=call.attempt + 1,
        claim_number=edit.claim,
        started_at=edit.now,
        deadline_at=edit.now + timedelta(seconds=timeout),
        not_before=None,
        idempotency_key=call.idempotency_key or key,
        **({} if call.grant_id == grant else {"grant_id": grant}),
    )
    told = {"rule": rule or None, "grant": grant}
    edit.record(EventType.TOOL_CALL_STARTED, **named(call), attempt=call.attempt, step=step.number, **told)


def postpone_twin(edit: Change, call: ToolCall) -> None:
    """Let a call wait while one of the same tool and arguments is of unknown outcome."""
    until = edit.now + timedelta(seconds=postpone_seconds(call.postponements))
    edit.cause = "a call with the same arguments is of unknown outcome"
    edit.set_fields(call, not_before=until, postponements=call.postponements + 1)
    edit.record(EventType.TOOL_CALL_READY, **named(call), code="postponed", message=edit.cause)


def settle(
    edit: Change,
    call: ToolCall,
    outcome: Outcome,
    *,
    summary: str = "",
    asked: Asked = NOBODY_ASKED,
    times: ApprovalTimes = BY_SETTINGS,
) -> None:
    """Record how one attempt at a started call ended. What follows is for people, where the tool itself asks them."""
    request = edit.rows.request_of(call)
    approved = request is not None and request.status == ApprovalStatus.APPROVED
    meaning = meaning_of(
        outcome, effect=Effect(call.effect), failures=call.failures, retries=call.retries, approved=approved
    )
    counted = call.failures + (1 if meaning.counts else 0)
    match meaning.status:
        case ToolCallStatus.SUCCEEDED:
            succeed(edit, call, outcome.result, outcome.note)
        case ToolCallStatus.FAILED:
            _fail(edit, call, outcome, failures=counted)
        case ToolCallStatus.UNKNOWN:
            _lose_sight(edit, call, outcome, failures=counted)
        case ToolCallStatus.READY:
            _again(edit, call, outcome, failures=counted)
        case _:
            request_approval(
                edit,
                call,
                reason=outcome.message,
                rule="the tool itself",
                summary=summary,
                asked=asked,
                times=times,
            )


def succeed(edit: Change, call: ToolCall, result: Any, note: str = "") -> None:
    """The tool returned (or somebody knows that it did)."""
    edit.set_status(
        call,
        ToolCallStatus.SUCCEEDED,
        settled_at=edit.now,
        result=result,
        note=note,
        claim_number=None,
        not_before=None,
        error_code="",
        error="",
    )
    close_step(edit, call, StepStatus.COMPLETED)
    edit.record(EventType.TOOL_CALL_SUCCEEDED, **named(call))


def _fail(edit: Change, call: ToolCall, outcome: Outcome, failures: int) -> None:
    edit.set_status(
        call,
        ToolCallStatus.FAILED,
        settled_at=edit.now,
        failures=failures,
        error_code=outcome.code,
        error=outcome.message,
        claim_number=None,
        not_before=None,
    )
    close_step(edit, call, StepStatus.FAILED, code=outcome.code, message=outcome.message)
    edit.record(EventType.TOOL_CALL_FAILED, **named(call), code=outcome.code)


def _lose_sight(edit: Change, call: ToolCall, outcome: Outcome, failures: int) -> None:
    """Nobody knows. `reconcile` is asked first, but not while the call may still be under way."""
    edit.cause = "its outcome can be asked for once nothing of it is under way"
    edit.set_status(
        call,
        ToolCallStatus.UNKNOWN,
        failures=failures,
        in_doubt=True,
        error_code=outcome.code,
        error=outcome.message,
        claim_number=None,
        not_before=reconcile_at(edit, call),
    )
    edit.record(EventType.TOOL_CALL_UNKNOWN, **named(call), code=outcome.code)


def _again(edit: Change, call: ToolCall, outcome: Outcome, failures: int) -> None:
    # In our words: what the tool said may speak of arguments, and whoever may know of the run reads its events.
    edit.cause = f"{call.tool} is tried again later: {outcome.code}" if outcome.code else "a tool call was postponed"
    rest = edit.now + timedelta(seconds=LEAST_POSTPONED_SECONDS)
    edit.set_status(
        call,
        ToolCallStatus.READY,
        failures=failures,
        in_doubt=call.in_doubt or (outcome.ending not in SAID_NOTHING_HAPPENED and call.effect == Effect.IDEMPOTENT),
        error_code=outcome.code,
        error=outcome.message,
        claim_number=None,
        not_before=max(outcome.until or rest, rest) if outcome.ending is Ending.POSTPONED else None,
    )
    edit.record(EventType.TOOL_CALL_READY, **named(call), code=outcome.code)


def cancel(edit: Change, call: ToolCall, reason: str) -> None:
    """The run ends before this call was made."""
    request = edit.rows.request_of(call)
    if request is not None:
        withdraw(edit, request, call, reason)
    if call.in_doubt and call.status != ToolCallStatus.STARTED:
        give_up_in_doubt(edit, call, code="cancelled", message=reason)
        return
    edit.set_status(
        call, ToolCallStatus.CANCELLED, settled_at=edit.now, not_before=None, error_code="cancelled", error=reason
    )
    close_step(edit, call, StepStatus.FAILED, code="cancelled")
    edit.record(EventType.TOOL_CALL_CANCELLED, **named(call), code="cancelled")


def settle_unknown(
    edit: Change,
    call: ToolCall,
    verdict: Verdict,
    *,
    result: Any = None,
    note: str = "",
    reason: str = "",
    by: Decision | None = None,
) -> None:
    """Settle an unknown outcome by a person's word (`by`) or by the tool's reconcile (None)."""
    if by is not None:
        edit.add(by)
    name = by.user_name if by else None
    edit.record(EventType.TOOL_CALL_SETTLED, **named(call), verdict=verdict, by=name)
    if verdict is Verdict.HAPPENED:
        succeed(edit, call, result, note)
    elif verdict is Verdict.TRY_AGAIN:
        # Asked of reconcile, the answer is known: it did not happen.
        edit.set_status(call, ToolCallStatus.READY, not_before=None, in_doubt=by is not None)
        edit.record(EventType.TOOL_CALL_READY, **named(call), code="try_again")
    else:
        _fail(edit, call, Outcome(ending=Ending.REFUSED, code="given_up", message=reason), failures=call.failures)


def cannot_tell(edit: Change, call: ToolCall) -> None:
    """The tool's reconcile was asked and does not know: now a person must settle it."""
    edit.set_fields(call, reconcile=False, not_before=None)
    edit.record(EventType.TOOL_CALL_UNKNOWN, **named(call), code="reconcile_cannot_tell")


def ask_reconcile_later(edit: Change, call: ToolCall, seconds: float) -> None:
    """Reserve the question to the tool's reconcile, so that it is asked again only if the asker is lost."""
    edit.set_fields(call, not_before=edit.now + timedelta(seconds=seconds))
