"""The agents that are measured, and the LLM that always takes the same turns."""

import asyncio
import json
import os

from agents_app import Agent, Memory, register, tool
from agents_app.core.transcript import AssistantMessage, LLMReply, LLMRequest, ProposedCall, Usage
from agents_app.llm import OnText

INPUT = "Where is my order A-1001?"
ANSWER = "Your order A-1001 was delivered, and 120.00 EUR can be refunded."
CALLS = (
    ("lookup_order", {"number": "A-1001"}),
    ("check_policy", {"number": "A-1001", "amount": "120.00"}),
)
USAGE = Usage(input_tokens=100, output_tokens=20)
SECONDS = float(os.environ.get("BENCH_LLM_SECONDS", "0"))


class ScriptedLLM:
    """Looks up the order, checks the policy, answers; BENCH_LLM_SECONDS for each turn."""

    async def respond(self, request: LLMRequest, on_text: OnText | None = None) -> LLMReply:
        """The turn that follows those that were."""
        if SECONDS:
            await asyncio.sleep(SECONDS)
        if not request.functions:
            return LLMReply(text=ANSWER, usage=USAGE, llm="scripted")
        turn = sum(isinstance(message, AssistantMessage) for message in request.messages)
        if turn == len(CALLS):
            return LLMReply(text=ANSWER, usage=USAGE, llm="scripted")
        name, arguments = CALLS[turn]
        call = ProposedCall(id=f"call_{turn}", name=name, arguments=json.dumps(arguments))
        return LLMReply(calls=(call,), usage=USAGE, llm="scripted")


class Desk(Agent[str]):
    """What both have in common."""

    abstract = True
    llm = "scripted"
    instructions = "Help customers of the shop."

    @tool(effect="read")
    def lookup_order(self, number: str) -> dict[str, str]:
        """Status and amounts of an order."""
        return {"number": number, "status": "delivered", "total": "120.00", "refunded": "0.00"}


@register
class Clerk(Desk):
    """W1: looks things up and answers."""

    name = "bench"

    @tool(effect="read")
    def check_policy(self, number: str, amount: str) -> dict[str, str | bool]:
        """Whether the policy allows a refund."""
        return {"allowed": True, "reason": "within 30 days"}


@register
class GatedClerk(Desk):
    """W2: the same, with a person in front of the second tool."""

    name = "bench-gated"

    @tool(effect="read", requires_approval=True)
    def check_policy(self, number: str, amount: str) -> dict[str, str | bool]:
        """Whether the policy allows a refund."""
        return {"allowed": True, "reason": "within 30 days"}


@register
class RememberingClerk(Agent[str]):
    """Goes on with its session's talk, and answers at once."""

    name = "bench-remembering"
    llm = "scripted"
    instructions = "Help customers of the shop."
    ask_user = False
    memory = Memory(conversation=True, tokens=600)
