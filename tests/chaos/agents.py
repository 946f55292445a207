"""An agent with a tool of every effect. Each execution is noted, with its key, before it has its effect."""

import time

from agents_app import Agent, Approvers, Budget, ToolContext, happened, register, tool
from agents_app.definitions.reconcile import Happened, NotHappened, not_happened
from tests.chaos import diary
from tests.chaos.models import Entry

NAME, LIMITED = "chaos", "limited"


@register
class ChaosAgent(Agent[str]):
    """Does what its plan says while the world around it breaks."""

    name = NAME
    llm = "scripted"
    llm_timeout = 20.0
    max_steps = 60
    instructions = f"This is release {diary.release()}."

    @tool(effect="read", timeout=5, retries=50)
    def read(self, context: ToolContext, slot: str) -> str:
        """Change nothing."""
        note("read", slot, context)
        return slot

    @tool(effect="read", timeout=12, retries=50)
    def wait(self, context: ToolContext, slot: str) -> str:
        """Change nothing, slowly."""
        note("wait", slot, context)
        time.sleep(5.5)  # longer than a drain
        return slot

    @tool(effect="idempotent", timeout=5, retries=50)
    def book(self, context: ToolContext, slot: str) -> str:
        """The receiver acts once per key, however often it arrives."""
        note("book", slot, context)
        diary.act_once(str(context.idempotency_key))
        time.sleep(0.05)
        return slot

    @tool(effect="idempotent", isolation="process", timeout=40, retries=50)
    def dig(self, context: ToolContext, slot: str) -> str:
        """The same, in a process of its own."""
        note("dig", slot, context)
        diary.act_once(str(context.idempotency_key))
        return slot

    @tool(effect="atomic", timeout=1.5, retries=50)
    def write(self, context: ToolContext, slot: str) -> str:
        """Write a row; committed with the outcome, or not at all."""
        note("write", slot, context)
        Entry.objects.create(run=context.run_id, key=str(context.idempotency_key))
        time.sleep(0.02)
        return slot

    @tool(effect="external", timeout=5)
    def send(self, context: ToolContext, slot: str) -> str:
        """An effect that nobody may repeat."""
        note("send", slot, context)
        time.sleep(0.05)
        return slot

    @tool(effect="external", timeout=1)
    def post(self, context: ToolContext, slot: str) -> str:
        """The same, and later it can be found out whether it happened."""
        note("post", slot, context)
        if context.call_id.int % 4 == 0 and context.attempt == 1:
            raise ConnectionError("It was not sent, and nobody knows.")
        diary.act(str(context.idempotency_key))
        if context.call_id.int % 4 in (1, 2) and context.attempt == 1:
            raise ConnectionError("It was sent, and nobody knows.")
        return slot

    @post.reconcile
    def was_posted(self, context: ToolContext, slot: str) -> Happened[str] | NotHappened | None:
        return happened(slot) if diary.has_acted(str(context.idempotency_key)) else not_happened

    @tool(effect="external", timeout=5, requires_approval=True, approvers=Approvers(four_eyes=False))
    def pay(self, context: ToolContext, slot: str, amount: int) -> str:
        """An effect that needs a person's yes first."""
        note("pay", slot, context, amount=amount)
        time.sleep(0.05)
        return slot


@register
class LimitedAgent(ChaosAgent):
    """The same, under limits of every kind."""

    name = LIMITED
    llm = "limited"
    max_running = 6
    budget = Budget(tool_calls=10_000, tokens=100_000_000)


def note(name: str, slot: str, context: ToolContext, **more: object) -> None:
    """This execution begins now."""
    diary.write(
        "executed",
        tool=name,
        slot=slot,
        run=context.run_id,
        call=context.call_id,
        key=context.idempotency_key,
        attempt=context.attempt,
        **more,
    )
