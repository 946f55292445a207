"""What the processes of a story share: a diary, in a file, that outlives them."""

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

from agents_app.core.transcript import AssistantMessage, CallResult, LLMReply, LLMRequest, ProposedCall, UserMessage

DIARY = "AGENTS_TEST_DIARY"


def note(phase: str, **facts: Any) -> None:
    """Write down that this process does this now."""
    line = json.dumps({"phase": phase, "pid": os.getpid(), **facts})
    with Path(os.environ[DIARY]).open("a") as diary:
        diary.write(line + "\n")


def noted(path: Path, phase: str) -> list[dict[str, Any]]:
    """What was written down of this phase, by any process."""
    if not path.exists():
        return []
    return [entry for entry in map(json.loads, path.read_text().splitlines()) if entry["phase"] == phase]


def wait_for_the_end() -> None:
    """Be killed here. Ends by itself only if nobody does it."""
    time.sleep(60)


class StoryLLM:
    """The input of the run names a phase: that tool is called once, then the answer is what it gave."""

    async def respond(self, request: LLMRequest, on_text: Any = None) -> LLMReply:
        """`llm` is the phase in which the LLM itself does not come back, the first time."""
        phase = next(message.text for message in request.messages if isinstance(message, UserMessage))
        if phase == "llm":
            note(phase)
            if len(noted(Path(os.environ[DIARY]), phase)) == 1:
                await asyncio.sleep(60)
            return LLMReply(text="thought")
        if not any(isinstance(message, AssistantMessage) for message in request.messages):
            return LLMReply(calls=(ProposedCall(id="1", name=f"{phase}_tool", arguments="{}"),))
        result = next(message.content for message in request.messages if isinstance(message, CallResult))
        return LLMReply(text=f"It gave {result}")
