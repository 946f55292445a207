"""Messages as JSON, as they are stored with a briefing and shown where people look at what was sent."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from agents_app.core.transcript import (
    AssistantMessage,
    CallResult,
    Correction,
    Message,
    ProposedCall,
    Thought,
    UserMessage,
)


def message_as_json(message: Message) -> dict[str, Any]:
    """A message as JSON values; `message_from_json` gives it back."""
    match message:
        case UserMessage(text=text):
            return {"kind": "user", "text": text}
        case AssistantMessage():
            said = {"kind": "assistant", "text": message.text, "calls": [asdict(call) for call in message.calls]}
            return said | ({"thoughts": [asdict(each) for each in message.thoughts]} if message.thoughts else {})
        case CallResult():
            return {"kind": "result", **asdict(message)}
        case Correction(text=text):
            return {"kind": "correction", "text": text}


def message_from_json(stored: Mapping[str, Any]) -> Message:
    """The message. Raises KeyError or ValueError for what was never one."""
    match stored["kind"]:
        case "user":
            return UserMessage(text=stored["text"])
        case "assistant":
            return AssistantMessage(
                text=stored["text"],
                calls=tuple(ProposedCall(**call) for call in stored["calls"]),
                thoughts=tuple(Thought(**each) for each in stored.get("thoughts", [])),
            )
        case "result":
            return CallResult(**{name: value for name, value in stored.items() if name != "kind"})
        case "correction":
            return Correction(text=stored["text"])
    raise ValueError(f"{stored['kind']!r} is no kind of message")
