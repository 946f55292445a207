"""May this call be made at all: allow, ask or deny."""

import logging
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel

from agents_app.core.canonical import clean_text
from agents_app.definitions.tool_context import ToolContext
from agents_app.definitions.tool_spec import ToolSpec

logger = logging.getLogger("agents_app.gate")


class Answer(StrEnum):
    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ruling:
    """What the policy says of a call, by which rule, and why."""

    answer: Answer
    rule: str = ""
    reason: str = ""


ALLOWED = Ruling(answer=Answer.ALLOW, rule="no rule asks")


def judge(tool: ToolSpec, context: ToolContext, arguments: BaseModel) -> Ruling:
    """Ask the tool's declaration and its hook. A hook that raises means: ask a person."""
    if tool.requires_approval:
        return Ruling(answer=Answer.ASK, rule="requires_approval", reason="This tool always needs approval.")
    if not tool.has_needs_approval:
        return ALLOWED
    try:
        said = tool.needs_approval(context, arguments)
    except Exception:
        logger.exception("needs_approval of %s raised", tool.name, extra={"run_id": context.run_id})
        return Ruling(answer=Answer.ASK, rule="needs_approval", reason="The rule of this tool could not be evaluated.")
    if said is False:
        return ALLOWED
    reason = clean_text(said)[0] if isinstance(said, str) and said else "This call needs approval."
    return Ruling(answer=Answer.ASK, rule="needs_approval", reason=reason)


def summarise(tool: ToolSpec, context: ToolContext, arguments: BaseModel) -> str:
    """One sentence on what the call will do; a summary that raises is replaced by the plain call."""
    try:
        return tool.summary(context, arguments)
    except Exception:
        logger.exception("summary of %s raised", tool.name, extra={"run_id": context.run_id})
        return f"{tool.name}(…)"
