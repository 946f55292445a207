"""Asking the gate about calls, outside of any transaction: what it says counts for the version it was asked at."""

from datetime import datetime
from uuid import UUID

from agents_app.core.decide import decide
from agents_app.core.next_step import RunTools
from agents_app.exceptions import InvalidArguments
from agents_app.gate.contexts import tool_context_of
from agents_app.gate.dispatch import Dispatch, Go, check
from agents_app.models import AgentContext, ApprovalRequest, Reading, ToolCall, database_now
from agents_app.models.new_rows import new_row
from agents_app.runtime.advance import Verdicts
from agents_app.runtime.held import Held
from agents_app.selectors.rules import Rules, known_rules
from agents_app.transitions import look
from agents_app.transitions.calls import Proposal
from agents_app.transitions.rows import read_open_rows, snapshot_of


def foresee(held: Held) -> tuple[AgentContext, list[UUID], str] | None:
    """What to ask the gate when a run is taken up again, before its holder looks at it under the lock, so that its
    first change starts what may start: the run, the calls that are next, and the version of the rules.

    None where none is next, or something must be put right first: a worker was lost with the run.
    """
    if held.claim.rows is not None or held.claim.recovered or held.claim.deaths:
        return None
    context, now = look(held.run_id)
    rows = read_open_rows(context)
    rows.context, rows.read = context, Reading(now)
    step = decide(snapshot_of(context, rows, now, held.claim.number))
    if context.claim_number != held.claim.number or not isinstance(step, RunTools):
        return None
    held.rows = rows
    return context, list(step.calls), context.rules_version  # type: ignore[attr-defined]  # annotated by look


def judge(held: Held, context: AgentContext, call_ids: list[UUID], version: str | None = None) -> Verdicts:
    """What the gate says of these calls, at the run's present version, by the rules of this version."""
    rules = known_rules(version)
    rows = {call.pk: call for call in held.rows.calls} if held.rows else {}
    _, now = known_context(held)
    found = {
        call_id: judge_call(held, context, rows[call_id], held.rows.request_of(rows[call_id]), now, rules)
        for call_id in call_ids
        if held.rows is not None and call_id in rows
    }
    return Verdicts(version=context.version, of=found, rules=rules.version)


def judge_call(
    held: Held, context: AgentContext, call: ToolCall, request: ApprovalRequest | None, now: datetime, rules: Rules
) -> Dispatch:
    """What the gate says of one call."""
    tool = held.definition.tools.get(call.tool)
    if tool is None:
        return Dispatch(go=Go.REFUSE, code="unknown_tool", reason="This tool does not exist any more.")
    if tool.name in context.details.tools_left_out(held.definition.facts):
        return Dispatch(go=Go.REFUSE, code="unknown_tool", reason="This run was started without this tool.")
    if call.schema_hash != tool.schema_hash:
        return Dispatch(
            go=Go.REFUSE, code="tool_changed", reason="This tool has changed since; propose the call again."
        )
    key = call.idempotency_key or None
    about = tool_context_of(context, tool=tool.name, call_id=call.pk, idempotency_key=key, attempt=max(call.attempt, 1))
    try:
        return check(call, request, tool, about, now, rules)
    except InvalidArguments as error:
        return Dispatch(go=Go.REFUSE, code="invalid_arguments", reason=error.message)
    finally:
        about.close()


def judge_new(held: Held, proposals: list[Proposal]) -> Verdicts | None:
    """Judge calls that are not stored yet, so that the first may start in the change that stores it."""
    sound = [proposal for proposal in proposals if proposal.problem is None]
    if not sound or held.rows is None:
        return None
    context, now = known_context(held)
    rules = known_rules()  # whether they still hold is asked by the write that starts a call
    found = {}
    for proposal in sound:
        call = new_row(
            ToolCall,
            id=proposal.id,
            context=context,
            tool=proposal.tool,
            schema_hash=proposal.schema_hash,
            arguments=proposal.arguments,
            sealed=proposal.sealed,
            digest=proposal.digest,
        )
        verdict = judge_call(held, context, call, None, now, rules)
        if verdict.grant is None:  # else it is judged once more, to be counted under the lock
            found[proposal.id] = verdict
    return Verdicts(version=context.version, of=found, rules=rules.version)


def known_context(held: Held) -> tuple[AgentContext, datetime]:
    """The run's row as its holder knows it, and database time."""
    rows = held.rows
    if rows is not None and rows.context is not None and rows.read is not None:
        return rows.context, rows.read.now()
    return AgentContext.objects.select_related("details", "session").get(pk=held.run_id), database_now()
