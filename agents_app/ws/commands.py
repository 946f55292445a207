"""The commands of the websocket: name, payload, service. No rule lives here."""

import json
import logging
from collections.abc import Mapping
from typing import Any

from django.db import Error as DatabaseError
from django.utils.translation import gettext, override
from pydantic import ValidationError

from agents_app import services
from agents_app.core.budgets import Budget
from agents_app.core.bulk import Choice, Report
from agents_app.core.canonical import clean_json
from agents_app.definitions.validation import field_errors
from agents_app.exceptions import AgentsError, InvalidInput
from agents_app.selectors.reports import report_as_dict
from agents_app.services.budgets import owner_named
from agents_app.services.bulk import decide_many
from agents_app.ws import frames
from agents_app.ws.calling import Caller, Command
from agents_app.ws.frames import CommandFrame, ErrorBody, ReplyFrame
from agents_app.ws.keeping import KEEPING

logger = logging.getLogger("agents_app.ws")

FRAME_CHARACTERS = 1_000_000


def _approve(command: frames.ApproveCommand, caller: Caller) -> Any:
    return services.approve(
        command.request,
        by=caller.user,
        digest=command.digest,
        arguments=command.arguments,
        reason=command.reason,
        origin=caller.origin,
    )


def _reject(command: frames.RejectCommand, caller: Caller) -> Any:
    return services.reject(
        command.request, by=caller.user, reason=command.reason, digest=command.digest, origin=caller.origin
    )


def _send_back(command: frames.SendBackCommand, caller: Caller) -> Any:
    return services.send_back(
        command.request,
        by=caller.user,
        instructions=command.instructions,
        digest=command.digest,
        origin=caller.origin,
    )


def _make_grant(command: frames.MakeGrantCommand, caller: Caller) -> Any:
    return services.make_grant(
        command.request,
        by=caller.user,
        scope=command.scope,
        conditions=command.conditions,
        expires_at=command.expires_at,
        uses=command.uses,
        reason=command.reason,
        origin=caller.origin,
    )


def _revoke_grant(command: frames.RevokeGrantCommand, caller: Caller) -> Any:
    return services.revoke_grant(command.grant, by=caller.user, reason=command.reason)


def _claim(command: frames.ClaimCommand, caller: Caller) -> Any:
    return services.claim_request(command.request, by=caller.user)


def _release(command: frames.ReleaseCommand, caller: Caller) -> Any:
    return services.release_request(command.request, by=caller.user)


def _reassign(command: frames.ReassignCommand, caller: Caller) -> Any:
    return services.reassign_request(command.request, to=command.to, by=caller.user)


def _decide_many(command: frames.DecideManyCommand, caller: Caller) -> Any:
    choices = [Choice(request_id=each.id, digest=each.digest) for each in command.requests]
    return decide_many(choices, command.verdict, by=caller.user, reason=command.reason, origin=caller.origin)


def _reports(reports: list[Report]) -> Any:
    return [report_as_dict(report) for report in reports]


def _settle(command: frames.SettleCommand, caller: Caller) -> Any:
    return services.settle_outcome(
        command.call,
        command.verdict,
        by=caller.user,
        result=command.result,
        reason=command.reason,
        origin=caller.origin,
    )


def _answer(command: frames.AnswerCommand, caller: Caller) -> Any:
    return services.answer_input(command.request, command.answer, by=caller.user)


def _cancel(command: frames.CancelCommand, caller: Caller) -> Any:
    return services.cancel_run(caller.run(command), by=caller.user, reason=command.reason)


def _pause(command: frames.PauseCommand, caller: Caller) -> Any:
    return services.pause_run(caller.run(command), by=caller.user, reason=command.reason)


def _resume(command: frames.ResumeCommand, caller: Caller) -> Any:
    return services.resume_run(caller.run(command), by=caller.user, accept_changes=command.accept_changes)


def _retry(command: frames.RetryCommand, caller: Caller) -> Any:
    return services.retry_run(caller.run(command), by=caller.user, accept_changes=command.accept_changes)


def _switch_off(command: frames.SwitchOffCommand, caller: Caller) -> Any:
    return services.switch_off(by=caller.user, reason=command.reason, agent=command.agent, tool=command.tool)


def _switch_on(command: frames.SwitchOnCommand, caller: Caller) -> Any:
    return services.switch_on(command.switch, by=caller.user, reason=command.reason)


def _set_priority(command: frames.SetPriorityCommand, caller: Caller) -> Any:
    return services.set_priority(caller.run(command), command.priority.value, by=caller.user)


def _set_budget(command: frames.SetBudgetCommand, caller: Caller) -> Any:
    named = {"run": command.run, "session": command.session, "user": command.user}
    if not any(named.values()):
        if caller.run_id is None:
            raise InvalidInput(gettext("Say whose budget: of a run, a session or a user."), code="run_required")
        named["run"] = str(caller.run_id)
    limits = Budget(steps=command.steps, tool_calls=command.tool_calls, tokens=command.tokens, money=command.money)
    owner = owner_named(caller.user, **named)
    return services.set_budget(limits, by=caller.user, period=command.period, ends_at=command.ends_at, **owner)


def _hide(command: frames.HideCommand, caller: Caller) -> Any:
    return services.hide_run(caller.run(command), by=caller.user, reason=command.reason)


def _reveal(command: frames.RevealCommand, caller: Caller) -> Any:
    return services.reveal_run(caller.run(command), by=caller.user)


def _restore(command: frames.RestoreCommand, caller: Caller) -> Any:
    return services.restore_run(caller.run(command), by=caller.user)


COMMANDS: Mapping[str, Command] = {
    "approve": Command(frames.ApproveCommand, _approve),
    "reject": Command(frames.RejectCommand, _reject),
    "send_back": Command(frames.SendBackCommand, _send_back),
    "make_grant": Command(frames.MakeGrantCommand, _make_grant),
    "revoke_grant": Command(frames.RevokeGrantCommand, _revoke_grant),
    "claim": Command(frames.ClaimCommand, _claim),
    "release": Command(frames.ReleaseCommand, _release),
    "reassign": Command(frames.ReassignCommand, _reassign),
    "decide_many": Command(frames.DecideManyCommand, _decide_many, _reports),
    "settle": Command(frames.SettleCommand, _settle),
    "answer": Command(frames.AnswerCommand, _answer),
    "cancel": Command(frames.CancelCommand, _cancel),
    "pause": Command(frames.PauseCommand, _pause),
    "resume": Command(frames.ResumeCommand, _resume),
    "retry": Command(frames.RetryCommand, _retry),
    "switch_off": Command(frames.SwitchOffCommand, _switch_off),
    "switch_on": Command(frames.SwitchOnCommand, _switch_on),
    "set_priority": Command(frames.SetPriorityCommand, _set_priority),
    "set_budget": Command(frames.SetBudgetCommand, _set_budget),
    "hide": Command(frames.HideCommand, _hide),
    "reveal": Command(frames.RevealCommand, _reveal),
    "restore": Command(frames.RestoreCommand, _restore),
    **KEEPING,
}


def perform(text: str | None, caller: Caller) -> ReplyFrame:
    """Do what a frame asks for; whatever goes wrong is said in the reply. text: None for a binary frame."""
    with override(caller.language):
        return _perform(text, caller)


def _perform(text: str | None, caller: Caller) -> ReplyFrame:
    key: str | None = None
    try:
        fields = _fields(text)
        key = fields["id"] if isinstance(fields.get("id"), str) else None
        command, payload = _command(fields)
        done = command.perform(payload, caller)
        shown = None if command.shown is None else command.shown(done)
        return ReplyFrame(id=key, ok=True, status=getattr(done, "status", None), result=shown)
    except AgentsError as error:
        return _refusal(key, error.code, gettext(error.message), error.details)
    except DatabaseError:
        logger.exception("The database refused a command.")
        return unavailable(key, language=caller.language)
    except Exception:
        logger.exception("A command failed.")
        return _refusal(key, "internal_error", gettext("Something went wrong here; it has been logged."))


def _fields(text: str | None) -> dict[str, Any]:
    if text is None or len(text) > FRAME_CHARACTERS:
        text = gettext("A frame is JSON text of at most %(most)s characters.")
        raise InvalidInput(text % {"most": FRAME_CHARACTERS}, code="invalid_frame")
    try:
        fields = clean_json(json.loads(text, parse_constant=_no_constant))[0]
    except (ValueError, RecursionError):
        raise InvalidInput(gettext("This is not JSON."), code="invalid_frame") from None
    if not isinstance(fields, dict) or fields.get("type") != "command":
        raise InvalidInput(gettext('A frame is an object with "type": "command".'), code="invalid_frame")
    return fields


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _command(fields: dict[str, Any]) -> tuple[Command, CommandFrame]:
    command = COMMANDS.get(fields["name"]) if isinstance(fields.get("name"), str) else None
    if command is None:
        text = gettext("A command has a name: one of %(names)s.") % {"names": ", ".join(COMMANDS)}
        raise InvalidInput(text, code="unknown_command")
    try:
        return command, command.payload.model_validate(fields)
    except ValidationError as error:
        raise InvalidInput(gettext("The command's fields are wrong."), errors=field_errors(error)) from None


def unavailable(key: str | None = None, *, language: str | None = None) -> ReplyFrame:
    """The reply where the database cannot be asked."""
    with override(language):
        return _refusal(key, "unavailable", gettext("The database is not available right now; try again."))


def _refusal(key: str | None, code: str, message: str, details: dict[str, Any] | None = None) -> ReplyFrame:
    plain = json.loads(json.dumps(details or {}, default=str))
    return ReplyFrame(id=key, ok=False, error=ErrorBody(code=code, message=message, details=plain))
