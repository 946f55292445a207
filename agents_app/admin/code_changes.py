"""What the page of a run shows when the agent's code has changed since."""

import inspect
import json
from dataclasses import dataclass
from typing import Any

from agents_app.admin.blocks import Difference
from agents_app.exceptions import UnknownAgent
from agents_app.models import AgentContext
from agents_app.selectors.people import may_control
from agents_app.services.code_changes import CODE_CHANGED, MIGRATION_FAILED, change_of

NOT_THERE = "–"


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownChange:
    """The difference, its explanation, and the hash that the button accepts."""

    code: str
    before: str
    after: str
    recorded: bool
    rows: tuple[Difference, ...]
    misfits: tuple[str, ...]


def asks_about_code(context: AgentContext) -> bool:
    """Whether the run waits for somebody to look at what has changed."""
    details = context.details
    if context.paused_at is not None and not context.ended:
        return details.held_code in (CODE_CHANGED, MIGRATION_FAILED)
    return context.ended and details.error_code == CODE_CHANGED


def shown_change(user: Any, context: AgentContext) -> ShownChange | None:
    """The difference, for who may control the run; None if there is no question about it."""
    if not asks_about_code(context) or not may_control(user, context):
        return None
    try:
        change = change_of(context)
    except UnknownAgent:
        return None
    if change is None:
        return None
    return ShownChange(
        code=change.code,
        before=change.before,
        after=change.after,
        recorded=change.recorded,
        rows=tuple(
            Difference(label=label_of(each.what), before=_text(each.before), after=_text(each.after))
            for each in change.differences
        ),
        misfits=tuple(each.message for each in change.misfits),
    )


def label_of(what: str) -> str:
    """`tools.refund.llm_timeout` → `refund: llm timeout`."""
    parts = [part.replace("_", " ") for part in what.removeprefix("tools.").split(".")]
    return f"{parts[0]}: {' '.join(parts[1:])}" if len(parts) > 1 else parts[0]


def _text(value: Any) -> str:
    if value is None or value == "":
        return NOT_THERE
    return inspect.cleandoc(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
