"""Turns of the LLM."""

from datetime import datetime, timedelta
from typing import Any

from agents_app.core.events import EventType
from agents_app.core.status import RunStatus, StepKind, StepStatus
from agents_app.core.transcript import Usage
from agents_app.exceptions import LLMError
from agents_app.models import AgentEvent, AgentStep
from agents_app.transitions import budgets
from agents_app.transitions.change import Change

LEAST_WAIT_SECONDS = 0.05
"""A turn that may not be opened waits at least so long, so that it cannot keep a worker spinning."""


def open_turn(edit: Change, *, llm: str) -> AgentStep:
    """Commit that the LLM is about to be asked: a new step, or the next attempt of the open one."""
    step = edit.rows.think
    if step is None or step.status != StepStatus.STARTED:
        step = edit.new_step(StepKind.THINK, held=True, llm=llm)
        edit.context.steps_used += 1
        edit.rows.think = step
    else:
        if step.llm and step.llm != llm:
            edit.set_fields(step, earlier_attempts=step.attempt)
        edit.set_status(
            step,
            StepStatus.STARTED,
            llm=llm,
            attempt=step.attempt + 1,
            claim_number=edit.claim,
            started_at=edit.now,
            error_code="",
            error="",
        )
    edit.context.run_at = None
    edit.record(EventType.STEP_STARTED, **named(step))
    return step


def begin_anew(edit: Change) -> None:
    """What was tried so far of an open turn counts no more toward LLM_ATTEMPTS."""
    step = edit.rows.think
    if step is not None and step.status == StepStatus.STARTED:
        edit.set_fields(step, earlier_attempts=step.attempt)


def settle_turn(
    edit: Change, step: AgentStep, *, response: dict[str, Any], answered: bool, usage: Usage, llm: str
) -> None:
    """Record the LLM's reply."""
    edit.set_status(
        step,
        StepStatus.COMPLETED,
        ended_at=edit.now,
        claim_number=None,
        response=response,
        answered=answered,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost=usage.cost,
        llm=llm or step.llm,
    )
    budgets.settle(edit, step, usage)
    edit.record(EventType.STEP_COMPLETED, **named(step), **_cited(step))


def _cited(step: AgentStep) -> dict[str, Any]:
    """The passages that its answer names, without what they are called: who may not read the run reads its events."""
    found = (step.response or {}).get("citations")
    return {"citations": [{"mark": each["mark"], "id": each["id"]} for each in found]} if found else {}


def back_off(edit: Change, step: AgentStep, error: LLMError, seconds: float) -> None:
    """This attempt failed and another may succeed: the turn stays open until then."""
    edit.cause = f"the LLM is asked again: {error.code}"
    edit.set_fields(step, claim_number=None, error_code=error.code, error=error.message)
    edit.context.run_at = edit.now + timedelta(seconds=seconds)
    budgets.settle_failed(edit, step, error.code)
    edit.record(EventType.STEP_FAILED, **named(step), code=error.code, message=error.message)


def fall_back(edit: Change, step: AgentStep, error: LLMError, llm: str) -> None:
    """This LLM is given up for this turn: another is asked at once."""
    edit.record(EventType.STEP_FAILED, **named(step), code=error.code, message=error.message)
    budgets.settle_failed(edit, step, error.code)
    edit.set_fields(
        step,
        claim_number=None,
        error_code=error.code,
        error=error.message,
        llm=llm,
        earlier_attempts=step.attempt,
    )
    edit.context.run_at = None


def hold_back(edit: Change, until: datetime, why: str) -> None:
    """The LLM may not be asked before then: the turn waits, unopened or open for its next attempt."""
    edit.cause = why
    edit.context.run_at = max(until, edit.now + timedelta(seconds=LEAST_WAIT_SECONDS))
    if edit.context.status == RunStatus.SCHEDULED and _last_told(edit) != why:
        edit.record(EventType.RUN_SCHEDULED, due_at=edit.context.run_at, reason=why)


def _last_told(edit: Change) -> str:
    """Why it is scheduled, as was told last: to wait on for the same is no news."""
    told = AgentEvent.objects.filter(context=edit.context, type=EventType.RUN_SCHEDULED).order_by("-sequence").first()
    return "" if told is None else str(told.data["reason"])


def fail_turn(edit: Change, step: AgentStep, code: str, message: str) -> None:
    """The turn failed for good."""
    edit.set_status(step, StepStatus.FAILED, ended_at=edit.now, claim_number=None, error_code=code, error=message)
    budgets.settle_failed(edit, step, code)
    edit.record(EventType.STEP_FAILED, **named(step), code=code, message=message)


def lose_turn(edit: Change, step: AgentStep) -> None:
    """The worker that asked the LLM is gone, and its attempt with it."""
    edit.set_fields(step, claim_number=None)
    budgets.keep(edit, step, "The worker that asked was lost.")


def say(edit: Change, text: str) -> None:
    """The agent said something to its user beside its calls."""
    step = edit.new_step(StepKind.RESPOND, held=False, response={"v": 1, "text": text})
    edit.set_status(step, StepStatus.COMPLETED, ended_at=edit.now)
    edit.record(EventType.MESSAGE_PRODUCED, step=step.number)


def named(step: AgentStep) -> dict[str, Any]:
    """How events name a step, and the LLM that was asked in it."""
    facts = {"step": step.pk, "number": step.number, "kind": step.kind, "attempt": step.attempt}
    return {**facts, "llm": step.llm} if step.llm else facts
