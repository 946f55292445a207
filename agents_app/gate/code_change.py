"""May a run go on under this code, which is not what it started with? Asks author's code: outside of transactions."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from agents_app.core.canonical import canonical_text, clean_json, clean_text, digest, sha256_of
from agents_app.core.status import ToolCallStatus
from agents_app.definitions.agent_definition import AgentDefinition
from agents_app.definitions.code_change import MigratingCall, MigratingRun, path
from agents_app.definitions.tool_spec import ToolSpec
from agents_app.exceptions import AgentsError, InvalidArguments
from agents_app.gate.dispatch import full_text
from agents_app.models import AgentContext, ToolCall
from agents_app.models.sealing import seal
from agents_app.selectors.transcript import arguments_of

logger = logging.getLogger("agents_app.gate")

CODE_CHANGED, MIGRATION_FAILED = "code_changed", "migration_failed"
"""What holds a run whose code has changed: the question to a person, a migration function that failed."""

UNSTARTED = (ToolCallStatus.PROPOSED, ToolCallStatus.AWAITING_APPROVAL, ToolCallStatus.READY)


class Way(StrEnum):
    CONTINUE = "continued"
    MIGRATE = "migrated"
    ASK = "ask"
    FAIL = "fail"


@dataclass(frozen=True, kw_only=True, slots=True)
class Misfit:
    """A call that this code cannot make as it is stored. `code` and `message` are what the LLM would be told."""

    call_id: UUID
    tool: str
    code: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Going:
    """How a run goes on. `code` and `reason` if it does not; else what a migration made of calls and metadata.

    `changed`: new fields by call; `dropped`: the reason by call.
    """

    way: Way
    code: str = ""
    reason: str = ""
    changed: Mapping[UUID, Mapping[str, Any]] = field(default_factory=dict)
    dropped: Mapping[UUID, str] = field(default_factory=dict)
    metadata: Mapping[str, Any] | None = None


def misfits(calls: Iterable[ToolCall], definition: AgentDefinition) -> list[Misfit]:
    """The open calls whose tool is gone, or has another effect or schema, or does not take their arguments."""
    return [found for call in calls if (found := misfit(call, definition.tools.get(call.tool))) is not None]


def misfit(call: ToolCall, tool: ToolSpec | None) -> Misfit | None:
    """Whether this code can make the call as it is stored."""

    def told(code: str, message: str) -> Misfit:
        return Misfit(call_id=call.pk, tool=call.tool, code=code, message=message)

    if tool is None:
        return told("unknown_tool", f"The tool {call.tool} does not exist any more.")
    if call.effect != tool.effect:
        return told("tool_changed", f"The tool {call.tool} was {call.effect} and is {tool.effect} now.")
    if call.schema_hash != tool.schema_hash:
        return told("tool_changed", f"The parameters of {call.tool} have changed; propose the call again.")
    try:
        tool.parse(full_text(call))
    except Exception as error:
        # A validator of the author's, or a key that is lost: whatever it is, the call cannot be made like this.
        reason = error.message if isinstance(error, InvalidArguments) else type(error).__name__
        return told("invalid_arguments", f"{call.tool} does not take its arguments any more: {reason}")
    return None


def judge(context: AgentContext, calls: list[ToolCall], definition: AgentDefinition) -> Going:
    """By the agent's policy, or by its migration functions where they lead from the run's version to this."""
    names = None
    if context.details.agent_version != definition.version:
        names = path(definition.migrations, context.details.agent_version, definition.version)
    if names:
        return _migrated(context, calls, definition, names)
    found = misfits(calls, definition)
    if definition.on_code_change == "continue" and not found:
        return Going(way=Way.CONTINUE)
    way = Way.FAIL if definition.on_code_change == "fail" else Way.ASK
    return Going(way=way, code=CODE_CHANGED, reason=sentence(context, definition, found))


def leads_here(context: AgentContext, definition: AgentDefinition) -> bool:
    """Whether migration functions lead from the run's version to this."""
    return bool(path(definition.migrations, context.details.agent_version, definition.version))


def sentence(context: AgentContext, definition: AgentDefinition, found: Iterable[Misfit]) -> str:
    """Why somebody is asked, for people who may know of the run: it quotes no arguments."""
    before, after = context.details.agent_version, definition.version
    versions = f", from version {before} to {after}" if before != after else ""
    tools = sorted({each.tool for each in found})
    fit = f" Its open calls of {', '.join(tools)} do not fit any more." if tools else ""
    return f"The agent's code has changed since this run went on last{versions}.{fit}"


def _migrated(context: AgentContext, calls: list[ToolCall], definition: AgentDefinition, names: list[str]) -> Going:
    waiting = [call for call in calls if call.status in UNSTARTED and call.attempt == 0]
    try:
        run = _run_of(context, waiting)
        agent = definition.cls()
        for name in names:
            getattr(agent, name)(run)
        changed = _changed(context, waiting, run, definition)
        metadata = clean_json(run.metadata)[0]
        canonical_text(metadata)
    except Exception as error:
        logger.exception("A migration function failed.", extra={"run_id": context.pk})
        text = error.message if isinstance(error, AgentsError) else f"{type(error).__name__}; the log has it"
        reason = f"It could not be brought to version {definition.version} by {', '.join(names)}: {text}"
        return Going(way=Way.ASK, code=MIGRATION_FAILED, reason=clean_text(reason)[0])
    left = misfits([call for call in calls if call not in waiting], definition)
    if left:
        return Going(way=Way.ASK, code=CODE_CHANGED, reason=sentence(context, definition, left))
    dropped = {call.id: clean_text(str(call.dropped))[0] for call in run.calls if call.dropped is not None}
    metadata = metadata if isinstance(metadata, dict) else None
    return Going(way=Way.MIGRATE, changed=changed, dropped=dropped, metadata=metadata)


def _run_of(context: AgentContext, calls: list[ToolCall]) -> MigratingRun:
    return MigratingRun(
        id=context.pk,
        calls=tuple(
            MigratingCall(id=call.pk, tool=call.tool, arguments=arguments_of(call, sensitive=True)) for call in calls
        ),
        metadata=dict(context.details.metadata),
    )


def _changed(
    context: AgentContext, calls: list[ToolCall], run: MigratingRun, definition: AgentDefinition
) -> dict[UUID, dict[str, Any]]:
    """The new fields of the calls that are not what they were. Raises InvalidArguments for what does not fit."""
    found: dict[UUID, dict[str, Any]] = {}
    for call, wanted in zip(calls, run.calls, strict=True):
        if wanted.dropped is not None:
            continue
        tool = definition.tools.get(wanted.tool)
        if tool is None:
            raise InvalidArguments(f"There is no tool {wanted.tool}.")
        text = tool.text(tool.validate(wanted.arguments))
        if (call.tool, call.schema_hash, full_text(call)) != (tool.name, tool.schema_hash, text):
            found[call.pk] = _fields(context.pk, call, tool, text)
    return found


def _fields(run_id: UUID, call: ToolCall, tool: ToolSpec, text: str) -> dict[str, Any]:
    """A call of this tool with these arguments. The digest is another, so that no approval of before counts."""
    return {
        "tool": tool.name,
        "effect": tool.effect,
        "schema_hash": tool.schema_hash,
        "arguments": tool.masked(text),
        "proposed_arguments": call.proposed_arguments or call.arguments,
        "sealed": seal(text) if tool.sensitive else "",
        "arguments_hash": sha256_of(text),
        "digest": digest(run_id, call.pk, tool.name, tool.schema_hash, text),
        "retries": tool.retries,
        "reconcile": tool.has_reconcile,
    }
