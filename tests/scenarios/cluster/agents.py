"""An agent with a tool of each effect; each waits to be killed when it is called for the first time."""

from typing import Any

from django.contrib.auth import get_user_model

from agents_app import Agent, ToolContext, register, tool
from agents_app.signals import RecordedEvent, receive
from tests.scenarios.cluster.story import note, wait_for_the_end


@register
class Survivor(Agent[str]):
    """Lives on."""

    name = "survivor"
    llm = "story"

    @tool(effect="read")
    def read_tool(self, context: ToolContext) -> str:
        """Read."""
        return _act("read", context)

    @tool(effect="idempotent")
    def idempotent_tool(self, context: ToolContext) -> str:
        """Book."""
        return _act("idempotent", context)

    @tool(effect="atomic", timeout=0.9)
    def atomic_tool(self, context: ToolContext) -> str:
        """Write."""
        users: Any = get_user_model()
        users.objects.create_user(f"written-{context.attempt}")
        return _act("atomic", context)

    @tool(effect="external")
    def external_tool(self, context: ToolContext) -> str:
        """Send."""
        return _act("external", context)

    @tool(effect="external")
    def between_tool(self, context: ToolContext) -> str:
        """Send, and come back."""
        note("called", key=context.idempotency_key)
        return "done"

    @tool(effect="read", timeout=3, retries=0)
    def hanging_tool(self, context: ToolContext) -> str:
        """Never come back."""
        note("hanging")
        wait_for_the_end()
        return "late"


def _act(phase: str, context: ToolContext) -> str:
    note(phase, key=context.idempotency_key, attempt=context.attempt)
    if context.attempt == 1:
        wait_for_the_end()
    return f"attempt {context.attempt}"


@receive("tool_call.succeeded", agent="survivor")
def be_killed_between_two_acts(event: RecordedEvent) -> None:
    """The success is committed, and nothing of what follows has begun."""
    if event.data["tool"] == "between_tool":
        note("between")
        wait_for_the_end()
