"""The database's part of an iteration: prepare and settle. Synchronous; each change is one transaction.

prepare   look, let the clock act, recover what was lost, decide, judge at the gate, open
settle    record one outcome, decide again, open the next act, all in one transaction
"""

import logging
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from agents_app.conf import conf
from agents_app.core.canonical import clean_text
from agents_app.core.citations import TOOL, citations_in, found_refs, passage_refs
from agents_app.core.events import EventType
from agents_app.core.failpoints import failpoint
from agents_app.core.outcomes import Ending, Outcome, backoff_seconds
from agents_app.core.status import StepStatus, ToolCallStatus, Verdict
from agents_app.core.transcript import LLMReply
from agents_app.definitions.reconcile import Happened, NotHappened
from agents_app.exceptions import LLMError, Overtaken, StaleContext
from agents_app.gate.asking import whom_to_ask
from agents_app.gate.contexts import tool_context_of
from agents_app.gate.dispatch import full_text
from agents_app.gate.policy import summarise
from agents_app.models import AgentContext, AgentStep, ToolCall
from agents_app.runtime.advance import Advance, Verdicts, advance
from agents_app.runtime.briefing import Unbriefed
from agents_app.runtime.held import Act, Held, ReconcileAct, ThinkAct, ToolAct
from agents_app.runtime.judging import foresee, judge, judge_new
from agents_app.runtime.llm_gate import ask, fallback, give_back
from agents_app.runtime.replies import Turn, read_reply
from agents_app.runtime.results import Raised, Returned, returned
from agents_app.selectors.transcript import TranscriptRows
from agents_app.transitions import Change, briefings, calls, change, change_known, inputs, runs, thinking
from agents_app.transitions.llms import Permit

logger = logging.getLogger("agents_app.runtime")

ROUNDS = 20
"""How often the gate's verdicts may be overtaken by other changes before the run is given back."""


NAME_LIMIT, CODE_LIMIT = 200, 100
"""Characters kept of the name that a provider gives its LLM, and of an error's code."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reconciled:
    """What a tool's reconcile said, its result as JSON values; None: it cannot tell (or raised).

    asked: False if it could not be asked; it is asked again when the time reserved for it is over.
    """

    said: Happened[Any] | NotHappened | None
    asked: bool = True
    note: str = ""


@contextmanager
def _changing(held: Held, durable: bool = True, look: bool = False) -> Iterator[Change]:
    """A change by the holder. What it knew of the rows is kept only if the change is written.

    look: under the lock, since something may have happened; else what is known of the run is taken as it is, and
    Overtaken raised where it is not so any more.
    """
    if held.lost:  # whoever comes back from a rule that hung, after the run was given up
        raise StaleContext("The run was given up.")
    rows, held.rows = held.rows, None
    # What people approved is judged by the database's own clock, and whoever touches a budget has touched the run
    # before: under the lock.
    look = look or held.claim.budgeted
    if rows is not None and rows.context is not None and not rows.requests and durable and not look:
        changing = change_known(held.run_id, claim=held.claim.number, rows=rows)
    else:
        changing = change(held.run_id, claim=held.claim.number, rows=rows, durable=durable)
    with changing as edit:
        yield edit
    held.rows = edit.rows


def prepare(held: Held) -> list[Act]:
    """Open what can be opened. An empty list: the run was given back or has ended (or what is open goes on)."""
    asked: list[Permit] = []
    acts: list[Act] = []
    try:
        _prepare(held, acts, asked)
    finally:
        used = [act.permit for act in acts if isinstance(act, ThinkAct)]
        for permit in asked:
            if permit not in used:
                give_back(held, permit)
    return acts


def _prepare(held: Held, acts: list[Act], asked: list[Permit]) -> None:
    failpoint("prepare.begun")
    verdicts = None
    if held.first_look and (foreseen := foresee(held)) is not None:
        verdicts = _ask_gate(held, *foreseen)
    for _ in range(ROUNDS):
        try:
            with _changing(held, look=not held.first_look) as edit:
                if held.first_look:
                    _look_first(edit, held)
                runs.let_clock_act(edit)
                opened = advance(edit, held, verdicts)
        except Overtaken:
            verdicts = None
            continue  # something has happened since the claim
        held.first_look = False
        acts += opened.acts
        if not opened.asks:
            failpoint("prepare.ended")
            return
        if opened.ask_llm:
            held.permit = ask(held)
            asked.append(held.permit)
        verdicts = _ask_gate(held, edit.context, opened.judge, edit.rules_version)
    with _changing(held, look=True) as edit:
        if not edit.snapshot().started and not edit.snapshot().thinking:
            runs.release(edit)


def _ask_gate(held: Held, context: AgentContext, call_ids: list[UUID], rules: str | None) -> Verdicts:
    failpoint("gate.asked")
    return judge(held, context, call_ids, rules)


def _look_first(edit: Change, held: Held) -> None:
    """What a new holder does once: recover what the last one left open, and refuse poison."""
    runs.begin(edit)
    edit.context.unknown_since = None
    if held.claim.recovered:
        runs.recover(edit)
    settle_lost(edit, held.claim.number)
    if held.claim.deaths >= conf.POISON_AFTER and edit.context.paused_at is None:
        reason = f"{held.claim.deaths} workers in a row were lost with this run; look at their logs, then resume it."
        runs.pause(edit, by="", reason=reason, code=runs.POISON)


def settle_lost(edit: Change, number: int) -> None:
    """Settle by effect what claims before this one have left open."""
    for call in edit.rows.calls:
        if call.status == ToolCallStatus.STARTED and call.claim_number != number:
            lost = Outcome(ending=Ending.DIED, code="worker_lost", message="The worker was lost during the call.")
            calls.settle(edit, call, lost)
    think = edit.rows.think
    if think is not None and think.status == StepStatus.STARTED and think.claim_number is not None:
        thinking.lose_turn(edit, think)


# Settling.


def settle(held: Held, act: Act, outcome: Any, *, durable: bool = True) -> list[Act]:
    """Record how an act ended and open what comes next."""
    failpoint("settle.begun")
    try:
        opened = _settle(held, act, outcome, durable)
    except Overtaken:
        opened = _settle(held, act, outcome, durable)  # now under the lock
    if opened is None:
        return prepare(held)
    if opened.asks and durable:
        return opened.acts + prepare(held)
    held.unjudged = opened.asks
    return opened.acts


def _settle(held: Held, act: Act, outcome: Any, durable: bool) -> Advance | None:
    """None: an act that leaves nothing to record."""
    match act:
        case ThinkAct():
            return _settle_turn(held, act, outcome)
        case ToolAct():
            return _settle_call(held, act, outcome, durable)
        case ReconcileAct():
            return _settle_question(held, act, outcome)
    return None


def _settle_turn(held: Held, act: ThinkAct, outcome: LLMReply | LLMError) -> Advance:
    if isinstance(outcome, LLMError):
        return _settle_failed_turn(held, act, outcome)
    try:
        turn = read_reply(held.run_id, held.definition, outcome)
    except Exception:
        # An LLM class of the project's own may give anything; to ask it again would give the same.
        logger.exception("The LLM's reply cannot be read.", extra={"run_id": held.run_id})
        return _settle_failed_turn(
            held, act, LLMError("The LLM's reply cannot be read; see the log.", code="llm_reply")
        )
    _cite(held, turn)
    verdicts = judge_new(held, turn.proposals)
    known, transcript = held.rows, held.transcript()
    with _changing(held) as edit:
        step = _open_turn(edit, act)
        thinking.settle_turn(
            edit,
            step,
            response=turn.response,
            answered=turn.answered,
            usage=outcome.usage,
            llm=clean_text(outcome.llm)[0][:NAME_LIMIT],
        )
        _keep_briefing(edit, held, step)
        said = _store(edit, step, turn)
        _progress(edit)
        runs.let_clock_act(edit)
        opened = advance(edit, held, verdicts)
    held.briefing_is_new = False
    if transcript is not None and held.rows is known:
        transcript.add(said)
    return opened


def _store(edit: Change, step: AgentStep, turn: Turn) -> TranscriptRows:
    if turn.say:
        thinking.say(edit, turn.say)
    proposed = [calls.propose(edit, step, proposal) for proposal in turn.proposals]
    asked = [
        inputs.ask(
            edit,
            step,
            key=question.id,
            provider_id=question.provider_id,
            question=question.text,
            schema=question.schema,
        )
        for question in turn.questions
    ]
    return TranscriptRows(
        turns=[step],
        calls={str(call.pk): call for call in proposed},
        inputs={str(question.pk): question for question in asked},
    )


def _settle_failed_turn(held: Held, act: ThinkAct, error: LLMError) -> Advance:
    # What a provider says may hold characters that cannot be stored: the turn would be asked, and paid, again.
    error.code, error.message = clean_text(error.code)[0][:CODE_LIMIT], clean_text(error.message)[0]
    with _changing(held) as edit:
        step = _open_turn(edit, act)
        _keep_briefing(edit, held, step)
        for told in error.told if isinstance(error, Unbriefed) else ():
            edit.record(told.type, **told.payload)
        cancelled = edit.context.cancel_requested_at is not None
        attempt = act.attempt - (step.earlier_attempts or 0)
        other = None if cancelled else fallback(held, step, error, attempt >= conf.LLM_ATTEMPTS)
        if other is not None:
            thinking.fall_back(edit, step, error, other)
        elif error.transient and attempt < conf.LLM_ATTEMPTS and not cancelled:
            # Spreads the retries of many runs; nothing secret depends on it.
            seconds = backoff_seconds(attempt, error.retry_after, random.random())  # noqa: S311
            thinking.back_off(edit, step, error, seconds)
        else:
            thinking.fail_turn(edit, step, error.code, error.message)
            if not cancelled:
                runs.fail(edit, error.code, error.message)
        _progress(edit)
        opened = advance(edit, held, None)
    held.briefing_is_new = False
    return opened


def _cite(held: Held, turn: Turn) -> None:
    """Keep with the answer which passages it cites."""
    if not turn.answered or not held.definition.knowledge:
        return
    known = passage_refs(held.briefing.sections) if held.briefing is not None else {}
    if TOOL in held.definition.tools:
        looked_up = ToolCall.objects.filter(context=held.run_id, tool=TOOL, status=ToolCallStatus.SUCCEEDED)
        known |= found_refs(looked_up.values_list("result", flat=True))
    if found := citations_in(turn.response["answer"], known):
        turn.response["citations"] = found


def _keep_briefing(edit: Change, held: Held, step: AgentStep) -> None:
    """What memory and knowledge had to say to this run, and what of it this step's request was built from."""
    if held.sent is not None:
        edit.set_fields(step, sent=held.sent)
    if held.briefing is not None and held.briefing_is_new:
        briefings.keep(edit, held.briefing)


def _open_turn(edit: Change, act: ThinkAct) -> AgentStep:
    step = edit.rows.think
    if step is None or step.pk != act.step_id or step.attempt != act.attempt or step.status != StepStatus.STARTED:
        raise StaleContext("This turn of the LLM is settled already.")
    return step


def _settle_call(held: Held, act: ToolAct, outcome: Outcome | Returned | Raised, durable: bool) -> Advance:
    told: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    if isinstance(outcome, Returned):
        told, outcome = outcome.told, returned(act.tool, outcome.value)
    elif isinstance(outcome, Raised):
        told, outcome = outcome.told, outcome.outcome
    question = _question(act) if outcome.ending is Ending.ASKED else {}
    with _changing(held, durable=durable) as edit:
        call = _open_call(edit, act)
        for event, payload in told:
            edit.record(EventType(event), **payload)
        calls.settle(edit, call, outcome, times=act.tool.times, **question)
        _progress(edit)
        runs.let_clock_act(edit)
        return advance(edit, held, None)


def _question(act: ToolAct) -> dict[str, Any]:
    """What people are told that the call will do, and whom to ask. The author's code, so before the transaction."""
    call = ToolCall.objects.select_related("context__details", "context__session").get(pk=act.call_id)
    about = tool_context_of(call.context, tool=call.tool, call_id=call.pk, idempotency_key=call.idempotency_key)
    arguments = act.tool.parse(full_text(call))
    asked = whom_to_ask(act.tool, about, arguments, None)
    return {"summary": summarise(act.tool, about, arguments), "asked": asked}


def _open_call(edit: Change, act: ToolAct) -> ToolCall:
    call = edit.rows.call(act.call_id)
    if call is None or call.status != ToolCallStatus.STARTED or call.attempt != act.attempt:
        raise StaleContext("This attempt at the call is settled already.")
    return call


def _settle_question(held: Held, act: ReconcileAct, outcome: Reconciled) -> Advance:
    held.asking.discard(act.call_id)
    with _changing(held) as edit:
        call = edit.rows.call(act.call_id)
        # What was said of one attempt is no word on the next, which a person may have let be made meanwhile.
        unknown = call is not None and call.status == ToolCallStatus.UNKNOWN and call.attempt == act.attempt
        if outcome.asked and call is not None and unknown:
            _apply_reconciled(edit, call, outcome)
        return advance(edit, held, None)


def _apply_reconciled(edit: Change, call: ToolCall, outcome: Reconciled) -> None:
    match outcome.said:
        case Happened(result=result):
            calls.settle_unknown(edit, call, Verdict.HAPPENED, result=result, note=outcome.note)
        case NotHappened():
            ending = edit.context.ended or edit.context.cancel_requested_at is not None
            refused = call.error_code in ("rejected", "sent_back", "approval_expired")
            verdict = Verdict.GIVE_UP if ending or refused else Verdict.TRY_AGAIN
            calls.settle_unknown(edit, call, verdict, reason=call.error if refused else "It did not happen.")
        case _:
            calls.cannot_tell(edit, call)


def _progress(edit: Change) -> None:
    edit.context.claims_without_progress = 0


def abandon(held: Held, acts: list[Act]) -> None:
    """Give a run back in the midst of its acts, as if the worker had died; what they come to is settled by effect.

    A call that this claim has started but that is not among the acts was never made: the worker was stopped right
    before. What an earlier claim has started is lost.
    """
    made = {(act.call_id, act.attempt) for act in acts if isinstance(act, ToolAct)}
    lost = Outcome(ending=Ending.DIED, code="worker_stopped", message="The worker was stopped during the call.")
    not_made = Outcome(ending=Ending.POSTPONED, code="worker_stopped", message="The worker was stopped.")
    failpoint("abandon.begun")
    with _changing(held, look=True) as edit:
        for call in edit.rows.calls:
            if call.status == ToolCallStatus.STARTED:
                mine = call.claim_number == held.claim.number
                calls.settle(edit, call, not_made if mine and (call.pk, call.attempt) not in made else lost)
        think = edit.rows.think
        if think is not None and think.status == StepStatus.STARTED and think.claim_number is not None:
            thinking.lose_turn(edit, think)
        runs.release(edit)
    failpoint("abandon.ended")
