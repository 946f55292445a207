"""A run goes on under other code than it started with. What was done stays; calls that wait may change or go."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from agents_app.core.events import EventType
from agents_app.core.status import ToolCallStatus
from agents_app.models import ToolCall
from agents_app.transitions.approvals import reject_call, withdraw
from agents_app.transitions.change import Change

WHY = "The agent's code has changed."


def adopt(edit: Change, *, how: str, hash: str, version: str, by: str | None = None) -> None:  # noqa: A002
    """From here on this is the run's code. hash: of its definition; by: who accepted it."""
    details = edit.context.details
    edit.record(EventType.RUN_CODE_CHANGED, how=how, before=details.agent_version, after=version, by=by)
    edit.set_details(definition_hash=hash, agent_version=version)


def migrate(
    edit: Change,
    *,
    changed: Mapping[UUID, Mapping[str, Any]],
    dropped: Mapping[UUID, str],
    metadata: Mapping[str, Any] | None,
) -> None:
    """Change calls that were never started: other fields (people are asked anew), or not made at all."""
    for call_id, fields in changed.items():
        call = edit.rows.call(call_id)
        if call is not None:
            _rewrite(edit, call, fields)
    for call_id, reason in dropped.items():
        refuse(edit, call_id, code="dropped", message=reason)
    if metadata is not None and metadata != edit.context.details.metadata:
        edit.set_details(metadata=metadata)


def _rewrite(edit: Change, call: ToolCall, fields: Mapping[str, Any]) -> None:
    request = edit.rows.request_of(call)
    if request is not None:
        withdraw(edit, request, call, WHY)
    if call.status == ToolCallStatus.AWAITING_APPROVAL:
        # Ready to be judged: the gate asks anew, or lets it start if the new policy allows it.
        edit.set_status(call, ToolCallStatus.READY, **fields)
    else:
        edit.set_fields(call, **fields)


def refuse(edit: Change, call_id: UUID, *, code: str, message: str) -> None:
    """A call that is not started, and will not be: its question is withdrawn and the LLM reads why."""
    call = edit.rows.call(call_id)
    idle = (ToolCallStatus.PROPOSED, ToolCallStatus.AWAITING_APPROVAL, ToolCallStatus.READY)
    if call is None or call.status not in idle:
        return
    request = edit.rows.request_of(call)
    if request is not None:
        withdraw(edit, request, call, WHY)
    reject_call(edit, call, code=code, message=message)
