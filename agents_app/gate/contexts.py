"""The ToolContext of a call, from its rows."""

from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model

from agents_app.definitions.tool_context import ToolContext
from agents_app.models import AgentContext


def tool_context_of(
    context: AgentContext,
    *,
    tool: str = "",
    call_id: UUID | None = None,
    idempotency_key: str | None = None,
    attempt: int = 1,
    deadline: Any = None,
) -> ToolContext:
    """What a tool or hook may know about the run. The subject is read when it is asked for."""
    details = context.details
    return ToolContext(
        run_id=context.pk,
        agent=context.agent,
        call_id=call_id,
        tool=tool,
        user=user_of(context),
        session=context.session.key if context.session else None,
        metadata=details.metadata,
        idempotency_key=idempotency_key,
        attempt=attempt,
        deadline=deadline,
        load_subject=lambda: details.subject,
    )


def user_of(context: AgentContext) -> Any:
    """The run's user, None for a run without one or when the user is gone."""
    if context.user_id is None:
        return None
    return get_user_model()._base_manager.filter(pk=context.user_id).first()
