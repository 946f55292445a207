"""Questions to the run's user."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from agents_app.conf import conf
from agents_app.core.events import EventType
from agents_app.core.status import InputStatus, StepKind, StepStatus
from agents_app.models import AgentStep, InputRequest
from agents_app.transitions.change import Change


def ask(
    edit: Change, think: AgentStep, *, key: UUID, provider_id: str, question: str, schema: dict[str, Any] | None
) -> InputRequest:
    """Ask the run's user, and let the run wait for the answer."""
    step = edit.new_step(StepKind.ASK_USER, held=False)
    wait = conf.INPUT_EXPIRES_SECONDS
    request = InputRequest(
        id=key,
        context=edit.context,
        step=step,
        proposed_by=think,
        provider_id=provider_id,
        question=question,
        schema=schema,
        status=InputStatus.PENDING,
        status_at=edit.now,
        created_at=edit.now,
        expires_at=None if wait is None else edit.now + timedelta(seconds=wait),
    )
    edit.add(request)
    edit.rows.inputs.append(request)
    edit.record(EventType.INPUT_REQUESTED, request=request.pk, step=step.number, expires_at=request.expires_at)
    return request


def answer(edit: Change, request: InputRequest, value: Any, *, by: Any, name: str) -> None:
    """The user answered."""
    edit.set_status(request, InputStatus.ANSWERED, answer=value, answered_by=by, answered_by_name=name)
    edit.set_status(request.step, StepStatus.COMPLETED, ended_at=edit.now)
    edit.record(EventType.INPUT_ANSWERED, request=request.pk, by=name)


def expire(edit: Change, request: InputRequest) -> None:
    """The time to answer ran out; the LLM is told."""
    edit.set_status(request, InputStatus.EXPIRED)
    edit.set_status(request.step, StepStatus.FAILED, ended_at=edit.now, error_code="expired")
    edit.record(EventType.INPUT_EXPIRED, request=request.pk)


def withdraw(edit: Change, request: InputRequest) -> None:
    """The run ended before the answer."""
    edit.set_status(request, InputStatus.WITHDRAWN)
    edit.set_status(request.step, StepStatus.FAILED, ended_at=edit.now, error_code="withdrawn")
    edit.record(EventType.INPUT_WITHDRAWN, request=request.pk)
