"""Long talks, made in bulk."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from agents_app.core.status import RunStatus, StepKind, StepStatus
from agents_app.models import AgentContext, AgentSession, AgentStep, RunDetails, ToolCall, database_now
from agents_app.models.fields import first_uuid7


def long_talk(
    user: Any,
    *,
    runs: int,
    session: AgentSession | None = None,
    agent: str = "host",
    steps: int = 1,
    result: str = "",
) -> AgentSession:
    """A session with so many completed runs, each an input and `steps` replies; with a result, each but the last of
    them calls `look`. Begun after what the session has, an hour ago at the latest."""
    session = session or AgentSession.objects.create(key="s", user=user, agent=agent)
    now = database_now()
    known = AgentContext.objects.filter(session=session).count()
    begun = now - timedelta(days=30) + timedelta(seconds=known)
    rows: list[list[Any]] = [[], [], [], []]
    for number in range(runs):
        _run(rows, first_uuid7(begun + timedelta(seconds=number)), session, user, agent, known + number, steps, result)
    for model, found in zip((AgentContext, RunDetails, AgentStep, ToolCall), rows, strict=True):
        model.objects.bulk_create(found, batch_size=500)  # type: ignore[attr-defined]
    return session


def _run(
    rows: list[list[Any]],
    run_id: UUID,
    session: AgentSession,
    user: Any,
    agent: str,
    number: int,
    steps: int,
    result: str,
) -> None:
    now = database_now()
    context = AgentContext(
        id=run_id,
        agent=agent,
        session=session,
        user=user,
        status=RunStatus.COMPLETED,
        status_at=now,
        steps_used=steps,
        last_step=steps,
    )
    rows[0].append(context)
    name = "" if user is None else str(user)
    rows[1].append(RunDetails(context=context, input=f"Question {number}", created_at=now, user_name=name))
    for place in range(1, steps + 1):
        response: dict[str, Any] = {"v": 1, "text": f"Answer {number}-{place}", "thoughts": []}
        step = AgentStep(
            context=context,
            number=place,
            kind=StepKind.THINK,
            status=StepStatus.COMPLETED,
            status_at=now,
            started_at=now,
            response=response,
        )
        rows[2].append(step)
        if result and place < steps:
            call = ToolCall(
                context=context,
                number=place,
                tool="look",
                provider_id=f"call-{place}",
                effect="read",
                status="succeeded",
                proposed_by=step,
                proposed_at=now,
                settled_at=now,
                status_at=now,
                arguments="{}",
                result=result,
            )
            rows[3].append(call)
            response["calls"] = [{"id": f"call-{place}", "name": "look", "kind": "tool", "ref": str(call.pk)}]
