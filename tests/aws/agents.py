"""An agent that takes some steps; each is noted in a diary, with the process that took it."""

import json
import time
from typing import Any

from agents_app import Agent, ToolContext, register, tool
from agents_app.core.transcript import CallResult, LLMReply, LLMRequest, ProposedCall, UserMessage
from tests.scenarios.cluster.story import note


@register
class Walker(Agent[str]):
    """Walks."""

    name = "walker"
    llm = "walking"

    @tool(effect="external", timeout=60)
    def step(self, context: ToolContext, number: int) -> str:
        """Take a step."""
        note("step", number=number)
        time.sleep(1)
        return f"step {number}"


class WalkingLLM:
    """Proposes one step after the other, as many as the input says."""

    async def respond(self, request: LLMRequest, on_text: Any = None) -> LLMReply:
        taken = sum(isinstance(message, CallResult) for message in request.messages)
        wanted = next(message.text for message in request.messages if isinstance(message, UserMessage))
        if taken == int(wanted):
            return LLMReply(text="arrived")
        arguments = json.dumps({"number": taken + 1})
        return LLMReply(calls=(ProposedCall(id=str(taken), name="step", arguments=arguments),))
