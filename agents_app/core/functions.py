"""The functions that every agent's LLM may have beside the agent's tools, and the tools that a run may go without."""

from collections.abc import Mapping
from typing import Any

from agents_app.core.transcript import FunctionSpec

ASK_USER = "ask_user"
FINAL_ANSWER = "final_answer"
SEARCH_KNOWLEDGE = "search_knowledge"

ASK_USER_FUNCTION = FunctionSpec(
    name=ASK_USER,
    description="Ask the user a question and wait for the answer. Use it only if you cannot go on without it.",
    parameters={
        "type": "object",
        "properties": {
            "question": {"type": "string", "description": "The question, complete in itself."},
            "schema": {"type": "object", "description": "A JSON schema for the answer, if it is not free text."},
        },
        "required": ["question"],
        "additionalProperties": False,
    },
)


def answer_function(schema: dict[str, Any] | None) -> FunctionSpec | None:
    """How an answer of this schema is given; None where plain text is the answer."""
    if schema is None:
        return None
    description = "Give the final answer. Call it alone, once everything else is settled."
    return FunctionSpec(name=FINAL_ANSWER, description=description, parameters=schema)


def left_out(facts: Mapping[str, Any], *, memory: bool, knowledge: bool) -> frozenset[str]:
    """The names of the tools that a run goes without which was started without memory, or without knowledge.

    facts: of the agent's definition. memory, knowledge: whether the run was started without it.
    """
    names: set[str] = set()
    if memory:
        names.update(facts.get("memory", {}).get("tools", ()))
    if knowledge and any(each["mode"] in ("tool", "both") for each in facts.get("knowledge", ())):
        names.add(SEARCH_KNOWLEDGE)
    return frozenset(names)
