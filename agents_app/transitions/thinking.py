"""Turns of the LLM."""

from datetime import timedelta
from typing import Any

from agents_app.core.events import EventType
from agents_app.core.status import StepKind, StepStatus
from agents_app.core.transcript import Usage
from agents_app.exceptions import LLMError
from agents_app.models import AgentStep
from agents_app.transitions.change import Change


def open_turn(edit: Change, *, llm: str) -> AgentStep:
    """Commit that the LLM is about to be asked: a new step, or the next attempt of the open one."""
    step = edit.rows.think
    if step is None or step.status != StepStatus.STARTED:
        step = edit.new_step(StepKind.THINK, held=True, llm=llm)
        edit.context.steps_used += 1
        edit.rows.think = step
    else:
        edit.set_status(
            step,
            StepStatus.STARTED,
            attempt=step.attempt + 1,
            claim_number=edit.claim,
            started_at=edit.now,
            error_code="",
            error="",
        )
    edit.context.run_at = None
    edit.record(EventType.STEP_STARTED, **named(step))
    return step


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
    edit.record(EventType.STEP_COMPLETED, **named(step))


def back_off(edit: Change, step: AgentStep, error: LLMError, seconds: float) -> None:
    """This attempt failed and another may succeed: the turn stays open until then."""
    edit.cause = f"the LLM is asked again: {error.code}"
    edit.set_fields(step, claim_number=None, error_code=error.code, error=error.message)
    edit.context.run_at = edit.now + timedelta(seconds=seconds)
    edit.record(EventType.STEP_FAILED, **named(step), code=error.code, message=error.message)


def fail_turn(edit: Change, step: AgentStep, code: str, message: str) -> None:
    """The turn failed for good."""
    edit.set_status(step, StepStatus.FAILED, ended_at=edit.now, claim_number=None, error_code=code, error=message)
    edit.record(EventType.STEP_FAILED, **named(step), code=code, message=message)


def lose_turn(edit: Change, step: AgentStep) -> None:
    """The worker that asked the LLM is gone, and its attempt with it."""
    edit.set_fields(step, claim_number=None)


def say(edit: Change, text: str) -> None:
    """The agent said something to its user beside its calls."""
    step = edit.new_step(StepKind.RESPOND, held=False, response={"v": 1, "text": text})
    edit.set_status(step, StepStatus.COMPLETED, ended_at=edit.now)
    edit.record(EventType.MESSAGE_PRODUCED, step=step.number)


def named(step: AgentStep) -> dict[str, Any]:
    """How events name a step."""
    return {"step": step.pk, "number": step.number, "kind": step.kind, "attempt": step.attempt}
