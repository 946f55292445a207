"""One call of a tool in a process of its own."""

import asyncio
import inspect
from typing import Any

from agents_app.core.outcomes import Outcome
from agents_app.definitions.registry import registry
from agents_app.gate.contexts import tool_context_of
from agents_app.gate.dispatch import full_text
from agents_app.logs import note_facts
from agents_app.models import ToolCall
from agents_app.runtime.results import raised, returned


def outcome_of(call_id: str, agent: str) -> Outcome:
    """Make the stored call, and say how it ended. The parent settles it."""
    call = ToolCall.objects.select_related("context__details", "context__session").get(pk=call_id)
    tool = registry.get(agent).tools[call.tool]
    note_facts(run_id=call.context_id, call_id=call.pk, tool=tool.name)
    context = tool_context_of(
        call.context,
        tool=call.tool,
        call_id=call.pk,
        idempotency_key=call.idempotency_key,
        attempt=call.attempt,
        deadline=call.deadline_at,
    )
    text = ""
    try:
        text = full_text(call)
        return returned(tool, _finished(tool.call(context, tool.parse(text))))
    except Exception as error:
        return raised(tool, error, text)


def _finished(value: Any) -> Any:
    return asyncio.run(_awaited(value)) if inspect.isawaitable(value) else value


async def _awaited(value: Any) -> Any:
    return await value
