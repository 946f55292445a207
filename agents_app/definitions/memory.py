"""`Memory`: what an agent remembers beyond one run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from agents_app.core.canonical import sha256_of
from agents_app.definitions.options import is_count, is_duration

MEMORY_TOOLS = ("remember", "recall", "forget", "update_working_memory")
"""What an agent may be given to act on its memory."""

LEAST_TOKENS = 200
"""A conversation in fewer tokens is none."""

OnError = Literal["continue", "fail"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """What an agent is told of what was before, and whether it may change it: `memory = Memory(conversation=True)`.

    conversation: what was said in earlier runs of the session, newest turns whole, older ones in short; in at most
    `tokens` tokens, as estimated, which also hold for what is said within one run. facts, entities: what is known of
    the user and in the session; at most `recall` of them are put into the prompt. working: a JSON document of the
    session, of a pydantic model or (True) of any shape. tools: which of `remember`, `recall`, `forget`,
    `update_working_memory` the LLM may call; True for all. extract: let an LLM propose facts and entities when a run
    has ended. on_error: what becomes of a run whose memory cannot be read within `timeout` seconds: it goes on without,
    or it fails. Nothing is checked before it is used: `problems` says what is wrong with it.
    """

    conversation: bool = False
    facts: bool = False
    entities: bool = False
    working: type[BaseModel] | bool | None = None
    tools: Sequence[str] | bool = ()
    extract: bool = False
    tokens: int = 8000
    recall: int = 20
    on_error: OnError = "continue"
    timeout: float = 10.0

    @property
    def tool_names(self) -> tuple[str, ...]:
        """The tools that the LLM gets."""
        if isinstance(self.tools, bool):
            return MEMORY_TOOLS if self.tools else ()
        return tuple(self.tools)

    def problems(self) -> list[str]:
        """What is wrong, each a sentence; empty if nothing is."""
        flags = ("conversation", "facts", "entities", "extract")
        found = [f"`{name}` is True or False." for name in flags if not isinstance(getattr(self, name), bool)]
        rules = {
            "`working` is a pydantic model, True, or None.": _is_document(self.working),
            f"`tools` is True, or a tuple of names out of {', '.join(MEMORY_TOOLS)}.": _are_tools(self.tools),
            f"`tokens` is a whole number, {LEAST_TOKENS} or more.": is_count(self.tokens)
            and self.tokens >= LEAST_TOKENS,
            "`recall` is a whole number, 0 or more.": is_count(self.recall),
            '`on_error` is "continue" or "fail".': self.on_error in ("continue", "fail"),
            "`timeout` is a number of seconds above 0.": is_duration(self.timeout),
        }
        return found + [text for text, right in rules.items() if not right]

    def as_json(self) -> dict[str, Any]:
        """What the hash of an agent's definition holds of it."""
        schema = self.working.model_json_schema() if isinstance(self.working, type) else self.working
        return {
            "conversation": self.conversation,
            "facts": self.facts,
            "entities": self.entities,
            "working": sha256_of(schema) if isinstance(schema, dict) else bool(schema),
            "tools": sorted(self.tool_names),
            "extract": self.extract,
            "tokens": self.tokens,
            "recall": self.recall,
            "on_error": self.on_error,
            "timeout": float(self.timeout),
        }


def _is_document(value: Any) -> bool:
    return value is None or isinstance(value, bool) or (isinstance(value, type) and issubclass(value, BaseModel))


def _are_tools(value: Any) -> bool:
    if isinstance(value, bool):
        return True
    return isinstance(value, tuple | list) and all(name in MEMORY_TOOLS for name in value)
