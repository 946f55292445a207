"""What has changed in the code since a run went on last: shown to a person, and accepted by one."""

import inspect
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from agents_app.core.code_difference import Difference, differences
from agents_app.definitions.agent_definition import AgentDefinition
from agents_app.definitions.registry import registry
from agents_app.exceptions import CodeChanged, StaleContext
from agents_app.gate.code_change import CODE_CHANGED, MIGRATION_FAILED, Misfit, misfits
from agents_app.gate.definition_records import facts_of
from agents_app.models import AgentContext, DefinitionRecord, ToolCall
from agents_app.selectors.people import CONTROL, lacking, may_control, name_of
from agents_app.services.found import found_run
from agents_app.transitions import Change, code_changes

LONGEST = 300
"""Characters of a value that are shown on a line."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeChange:
    """The code that a run went on with last, and the code there is now.

    `before` and `after` are versions. `code` is what `accept_changes` takes: the hash of the code there is now.
    `recorded`: the earlier code is on record; without it `differences` is empty, and only `misfits` can be told: the
    open calls that the present code cannot make as they are stored.
    """

    before: str
    after: str
    code: str
    recorded: bool
    differences: tuple[Difference, ...]
    misfits: tuple[Misfit, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Acceptance:
    """What a person accepts: this code for this version of the run, and what becomes of calls that do not fit."""

    version: int
    definition: AgentDefinition
    misfits: tuple[Misfit, ...]


def read_code_change(run_id: Any, *, by: Any) -> CodeChange | None:
    """What has changed since the run went on last; None if nothing has. Needs the permission to control runs.

    Raises NotFound, NotPermitted, and UnknownAgent if there is no such agent any more.
    """
    context = found_run(run_id, by)
    if not may_control(by, context):
        raise lacking(CONTROL)
    return change_of(context)


def change_of(context: AgentContext) -> CodeChange | None:
    """The same, for who may see it."""
    definition = registry.get(context.agent)
    details, code = context.details, definition.hash_under(context.agent)
    if details.definition_hash == code:
        return None
    record = DefinitionRecord.objects.filter(pk=details.definition_hash).first()
    return CodeChange(
        before=details.agent_version,
        after=definition.version,
        code=code,
        recorded=record is not None,
        differences=differences(record.facts, facts_of(definition)) if record else (),
        misfits=tuple(misfits(_open_calls(context), definition)),
    )


def acceptance(context: AgentContext, accepted: str | None, *, asked: bool) -> Acceptance | None:
    """What accepting means for this run; None if there is nothing to accept. Asks author's code, so before the change.

    accepted: the hash of the code that was shown. asked: the run does not go on without. Raises CodeChanged if it is
    missing, or if the code there is now is another.
    """
    if accepted is None and not asked:
        return None
    definition = registry.get(context.agent)
    code = definition.hash_under(context.agent)
    if context.details.definition_hash == code:
        return None
    if accepted is None:
        raise CodeChanged(accept_changes=code)
    if accepted != code:
        text = gettext("The code has changed again since it was shown; look at the difference anew.")
        raise CodeChanged(text, accept_changes=code)
    calls = _open_calls(context)
    return Acceptance(version=context.version, definition=definition, misfits=tuple(misfits(calls, definition)))


def accept(edit: Change, accepted: Acceptance, *, by: Any) -> None:
    """Make the accepted code the run's. Calls that do not fit it are not made; the LLM reads why."""
    if edit.context.version != accepted.version:
        raise StaleContext(gettext("The run has changed meanwhile; look at it again."))
    definition = accepted.definition
    for each in accepted.misfits:
        code_changes.refuse(edit, each.call_id, code=each.code, message=each.message)
    code = definition.hash_under(edit.context.agent)
    code_changes.adopt(edit, how="accepted", hash=code, version=definition.version, by=name_of(by))


def _open_calls(context: AgentContext) -> list[ToolCall]:
    return list(ToolCall.objects.filter(context=context).unsettled().order_by("number"))


def lines_of(change: CodeChange) -> list[str]:
    """The difference as lines of text, for a terminal."""
    lines = [f"version {change.before} → {change.after}"] if change.before != change.after else []
    lines += [f"{each.what}: {_short(each.before)} → {_short(each.after)}" for each in change.differences]
    if not change.recorded:
        lines.append("The earlier code is not on record.")
    return lines + [each.message for each in change.misfits]


def _short(value: Any) -> str:
    text = inspect.cleandoc(str(value)) if value is not None else "nothing"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


__all__ = [
    "CODE_CHANGED",
    "MIGRATION_FAILED",
    "Acceptance",
    "CodeChange",
    "accept",
    "acceptance",
    "change_of",
    "lines_of",
    "read_code_change",
]
