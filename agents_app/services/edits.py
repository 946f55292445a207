"""Other arguments for a call that waits for people: what the call becomes with them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext

from agents_app.core.approver_rules import Named
from agents_app.core.canonical import digest, sha256_of
from agents_app.definitions.registry import registry
from agents_app.definitions.tool_spec import ToolSpec
from agents_app.exceptions import StaleDigest, WrongState
from agents_app.gate.asking import named_by
from agents_app.gate.contexts import tool_context_of
from agents_app.gate.dispatch import full_text
from agents_app.gate.policy import summarise
from agents_app.models import ApprovalRequest, ToolCall
from agents_app.models.sealing import HIDDEN, seal


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """A call with other arguments: its digest, the fields that keep them, its summary, whom resolvers name for it."""

    digest: str
    fields: Mapping[str, Any]
    summary: str
    named: Named


def edit_of(request: ApprovalRequest, arguments: dict[str, Any] | None) -> Edit | None:
    """What other arguments make of the call; None without any. Asks author's code. Raises InvalidArguments."""
    if arguments is None:
        return None
    call, tool = request.call, tool_of(request)
    if tool.schema_hash != call.schema_hash:
        raise StaleDigest(
            gettext("The tool has changed since the call was proposed: approve it as it is, or reject it.")
        )
    values = tool.validate(_with_what_is_hidden(tool, call, arguments))
    text = tool.text(values)
    fields = stored_arguments(tool, text, digest(call.context_id, call.pk, call.tool, call.schema_hash, text))
    about = tool_context_of(request.context, tool=tool.name, call_id=call.pk)
    try:
        summary, named = summarise(tool, about, values), named_by(request.approver_rule, tool, about, values)
    finally:
        about.close()
    return Edit(digest=fields["digest"], fields=fields, summary=summary, named=named)


def _with_what_is_hidden(tool: ToolSpec, call: ToolCall, arguments: dict[str, Any]) -> dict[str, Any]:
    """A sensitive argument that comes back as `***` stays what it is: who may not see it may still edit the others."""
    kept = [name for name in tool.sensitive if arguments.get(name) == HIDDEN]
    if not kept or not call.sealed:
        return arguments
    try:
        stored = json.loads(full_text(call))
    except ImproperlyConfigured as error:
        raise WrongState(
            gettext("The hidden arguments cannot be opened: %(error)s") % {"error": error}, code="key_lost"
        ) from error
    return {**arguments, **{name: stored[name] for name in kept}}


def tool_of(request: ApprovalRequest) -> ToolSpec:
    """The tool that a request is about, as the code declares it now. Raises WrongState if it is gone."""
    definition = registry.get(request.context.agent)
    tool = definition.tools.get(request.call.tool)
    if tool is None:
        raise WrongState(
            gettext("The agent %(name)s has no tool %(tool)s any more.")
            % {"name": definition.name, "tool": request.call.tool},
            code="unknown_tool",
        )
    return tool


def stored_arguments(tool: ToolSpec, text: str, of: str) -> dict[str, Any]:
    """How a call keeps its arguments: masked text, sealed full text where something is hidden, hash and digest."""
    return {
        "arguments": tool.masked(text),
        "sealed": seal(text) if tool.sensitive else "",
        "arguments_hash": sha256_of(text),
        "digest": of,
    }
