"""Which code a claimed run goes on with here, if it is not what it went on with last.

Others may know it better: during a deploy, workers of two releases run side by side. So what this worker does not know
is left alone for a while, before the agent's policy decides.
"""

import logging
from datetime import timedelta

from agents_app.core.decide import decide
from agents_app.core.next_step import Cancel, Complete, Fail, Wait
from agents_app.core.status import ToolCallStatus
from agents_app.definitions.agent_definition import AgentDefinition
from agents_app.definitions.registry import registry
from agents_app.exceptions import StaleContext, UnknownAgent
from agents_app.gate import code_change
from agents_app.gate.code_change import Going, Way
from agents_app.gate.definition_records import newer_than_here
from agents_app.models import SCHEMA_VERSION, AgentContext, ToolCall
from agents_app.runtime.iterate import settle_lost
from agents_app.transitions import Change, change, code_changes, runs
from agents_app.transitions.claims import Claim

logger = logging.getLogger("agents_app.runtime")

UNKNOWN_CODE_SECONDS = 5.0
UNKNOWN_CODE_PATIENCE = 600.0
"""A run whose code this worker does not know is left to others, looked at again, then its agent's policy decides."""

ROUNDS = 20
"""How often a judgement may be overtaken by other changes of the run before it is given back."""


def definition_for(claim: Claim) -> AgentDefinition | None:
    """The definition that the run goes on with; None if it was given back, paused or has ended instead."""
    if claim.schema > SCHEMA_VERSION:
        text = f"The run's rows are of schema {claim.schema}; this release reads schema {SCHEMA_VERSION}."
        _leave_alone(claim, text, then=("newer_schema", text))
        return None
    try:
        definition = registry.get(claim.agent)
    except UnknownAgent as error:
        _leave_alone(claim, error.message, then=(error.code, error.message))
        return None
    return definition if claim.code == definition.hash_under(claim.agent) else _under_other_code(claim, definition)


def _under_other_code(claim: Claim, definition: AgentDefinition) -> AgentDefinition | None:
    context = AgentContext.objects.select_related("details").get(pk=claim.run_id)
    better = _known_better_elsewhere(context, definition)
    if better and _leave_alone(claim, better, then=None):
        return None
    if not _needs_code(claim):
        return None
    for _ in range(ROUNDS):
        context = AgentContext.objects.select_related("details").get(pk=claim.run_id)
        going = code_change.judge(context, _open_calls(context), definition)
        with change(claim.run_id, claim=claim.number, durable=True) as edit:
            if edit.context.version == context.version:
                _go(edit, going, definition)
                return definition if going.way in (Way.CONTINUE, Way.MIGRATE) else None
    raise StaleContext("The run changed again and again while its code was looked at.")


def _open_calls(context: AgentContext) -> list[ToolCall]:
    return list(ToolCall.objects.filter(context=context).unsettled().order_by("number"))


def _known_better_elsewhere(context: AgentContext, definition: AgentDefinition) -> str:
    """Why to wait for another worker; empty if there is no reason to."""
    if newer_than_here(context.details.definition_hash, definition):
        return f"The run's code is newer than the {definition.name} of this worker."
    if code_change.leads_here(context, definition):
        return ""
    needed = {
        call.tool for call in _open_calls(context) if call.status in (ToolCallStatus.PROPOSED, ToolCallStatus.READY)
    }
    missing = sorted(needed - set(definition.tools))
    return f"The agent {context.agent} has no tool {', '.join(missing)} here." if missing else ""


def _leave_alone(claim: Claim, why: str, then: tuple[str, str] | None) -> bool:
    """For a while. then: the code and sentence it fails with when patience is over; None: then this says False."""
    logger.warning("%s", why, extra={"run_id": claim.run_id})
    with change(claim.run_id, claim=claim.number, durable=True) as edit:
        since = edit.context.unknown_since or edit.now
        edit.context.unknown_since = since
        if _done_without_code(edit, claim):
            return True
        if edit.now - since >= timedelta(seconds=UNKNOWN_CODE_PATIENCE):
            if then is not None:
                runs.fail(edit, *then)
            return then is not None
        runs.release(edit)
        edit.leave_until(edit.now + timedelta(seconds=UNKNOWN_CODE_SECONDS))
    return True


def _needs_code(claim: Claim) -> bool:
    with change(claim.run_id, claim=claim.number, durable=True) as edit:
        return not _done_without_code(edit, claim)


def _done_without_code(edit: Change, claim: Claim) -> bool:
    """Do what needs no code of the author's; whether that was all there is to do now."""
    settle_lost(edit, claim.number)
    runs.let_clock_act(edit)
    match decide(edit.snapshot()):
        case Cancel():
            runs.cancel(edit)
        case Fail(code, message):
            runs.fail(edit, code, message)
        case Complete():
            step = edit.rows.think
            runs.complete(edit, (step.response or {}).get("answer") if step else None)
        case Wait():
            # Nothing of it needs the code now; patience begins anew when something does.
            edit.context.unknown_since = None
            runs.release(edit)
        case _:
            return False
    return True


def _go(edit: Change, going: Going, definition: AgentDefinition) -> None:
    match going.way:
        case Way.ASK:
            logger.warning("%s", going.reason, extra={"run_id": edit.context.pk})
            runs.pause(edit, by="", reason=going.reason, code=going.code)
            runs.release(edit)
        case Way.FAIL:
            runs.fail(edit, going.code, going.reason)
        case _:
            name = edit.context.agent
            code_changes.migrate(edit, changed=going.changed, dropped=going.dropped, metadata=going.metadata)
            code_changes.adopt(edit, how=going.way, hash=definition.hash_under(name), version=definition.version)
