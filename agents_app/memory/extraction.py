"""What an extraction reads of a run that has ended."""

import json
from collections.abc import Iterator

from agents_app.core.transcript import AssistantMessage, CallResult, UserMessage
from agents_app.memory.recall import Reader, recall
from agents_app.models import AgentContext
from agents_app.selectors.transcript import messages_of, read_transcript

CHARACTERS = 60_000
"""Of a conversation; of a longer one the end is read."""
LONGEST_RESULT = 2_000


def text_of(run: AgentContext) -> str:
    """The conversation for the extractor, each line marked as data, with the keys of facts that are in use."""
    lines = [f"| {line}" for part in _parts(run) for line in part.splitlines()]
    said = "\n".join(lines)[-CHARACTERS:]
    keys = _keys(run)
    return f"{keys}The conversation:\n{said}"


def _parts(run: AgentContext) -> Iterator[str]:
    rows = read_transcript(run)
    numbers = [turn.number for turn in rows.turns]
    step, turn = 0, -1
    for message in messages_of(run, rows, sensitive=False):
        match message:
            case UserMessage():
                yield f"[user] {message.text}"
            case AssistantMessage():
                turn += 1
                step = numbers[turn] if turn < len(numbers) else step
                asked = ", ".join(call.name for call in message.calls)
                yield f"[assistant, step {step}] {message.text}" + (f" (calls {asked})" if asked else "")
            case CallResult():
                who = "user" if message.name == "ask_user" else f"tool {message.name}"
                yield f"[{who}, step {step}] {message.content[:LONGEST_RESULT]}"


def _keys(run: AgentContext) -> str:
    reader = Reader(user="" if run.user_id is None else str(run.user_id), session=run.session_id, agent=run.agent)
    keys = sorted({each.fact.key for each in recall(reader, limit=200, entities=False).facts if each.fact.key})
    return f"Keys in use: {json.dumps(keys, ensure_ascii=False)}\n\n" if keys else ""
