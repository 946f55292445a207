"""The conversation of a run, built from its rows: they are the truth, the LLM's messages are made from them."""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.db.models import UUIDField

from agents_app.core.status import InputStatus, StepKind, StepStatus, ToolCallStatus
from agents_app.core.transcript import (
    AssistantMessage,
    CallResult,
    Correction,
    Message,
    ProposedCall,
    Thought,
    UserMessage,
)
from agents_app.models import AgentContext, AgentStep, Bound, InputRequest, Prepared, ToolCall
from agents_app.models.sealing import unseal


@dataclass(kw_only=True, slots=True)
class TranscriptRows:
    """The rows of a conversation: the completed turns in order; calls and questions by their ids."""

    turns: list[AgentStep] = field(default_factory=list)
    calls: dict[str, ToolCall] = field(default_factory=dict)
    inputs: dict[str, InputRequest] = field(default_factory=dict)

    def add(self, later: "TranscriptRows") -> None:
        """Append what was said and asked for since."""
        self.turns += later.turns
        self.calls |= later.calls
        self.inputs |= later.inputs


def read_transcript(context: AgentContext) -> TranscriptRows:
    """Read them from the database."""
    return TranscriptRows(
        turns=_turns(run_id=context.pk),
        calls={str(call.pk): call for call in _calls(run_id=context.pk)},
        inputs={str(request.pk): request for request in _inputs(run_id=context.pk)},
    )


def read_transcripts(run_ids: Collection[UUID]) -> dict[UUID, TranscriptRows]:
    """Those of several runs, in as many queries as that of one."""
    found = {run_id: TranscriptRows() for run_id in run_ids}
    for turn in AgentStep.objects.filter(context__in=run_ids, **_TURN).order_by("number"):
        found[turn.context_id].turns.append(turn)
    for call in ToolCall.objects.filter(context__in=run_ids).order_by("number"):
        found[call.context_id].calls[str(call.pk)] = call
    for request in InputRequest.objects.filter(context__in=run_ids).order_by("pk"):
        found[request.context_id].inputs[str(request.pk)] = request
    return found


_TURN = {"kind": StepKind.THINK, "status": StepStatus.COMPLETED}
_OF_RUN = {"context": Bound("run_id", UUIDField())}
_turns = Prepared(lambda: AgentStep.objects.filter(**_OF_RUN, **_TURN).order_by("number"))
_calls = Prepared(lambda: ToolCall.objects.filter(**_OF_RUN).order_by("number"))
_inputs = Prepared(lambda: InputRequest.objects.filter(**_OF_RUN).order_by("pk"))


def messages_of(
    context: AgentContext, rows: TranscriptRows | None = None, *, sensitive: bool = True
) -> tuple[Message, ...]:
    """What the LLM is sent: the input, then each turn with the results of its calls.

    rows: if they are known. sensitive: with sensitive arguments opened, as the LLM proposed them.
    """
    rows = read_transcript(context) if rows is None else rows
    messages: list[Message] = [UserMessage(text=context.details.input)]
    for turn in rows.turns:
        messages.extend(_turn(turn.response or {}, rows.calls, rows.inputs, sensitive))
    return tuple(messages)


def _turn(
    response: dict[str, Any], calls: dict[str, ToolCall], inputs: dict[str, InputRequest], sensitive: bool
) -> Iterator[Message]:
    entries = response.get("calls", [])
    yield AssistantMessage(
        text=response.get("text", ""),
        thoughts=tuple(Thought(**thought) for thought in response.get("thoughts", [])),
        calls=tuple(
            ProposedCall(id=entry["id"], name=_name(entry, calls), arguments=_arguments(entry, calls, sensitive))
            for entry in entries
        ),
    )
    for entry in entries:
        content, failed = _told(entry, calls, inputs)
        yield CallResult(call_id=entry["id"], name=_name(entry, calls), content=content, failed=failed)
    if response.get("correction"):
        yield Correction(text=response["correction"])


def _name(entry: dict[str, Any], calls: dict[str, ToolCall]) -> str:
    """What the LLM called; of a call that was migrated to other code, the tool that it is now."""
    call = calls.get(entry.get("ref", "")) if entry["kind"] == "tool" else None
    return str(entry["name"]) if call is None else call.tool


def _arguments(entry: dict[str, Any], calls: dict[str, ToolCall], sensitive: bool) -> str:
    call = calls.get(entry.get("ref", ""))
    if call is None or entry["kind"] != "tool":
        return str(entry.get("arguments", "{}"))
    if call.edited:
        return call.proposed_arguments
    return unseal(call.sealed) if sensitive and call.sealed else call.arguments


def _told(entry: dict[str, Any], calls: dict[str, ToolCall], inputs: dict[str, InputRequest]) -> tuple[str, bool]:
    """What the LLM is told about one of its calls, and whether as a failure."""
    if entry["kind"] == "tool" and entry["ref"] in calls:
        return result_for_llm(calls[entry["ref"]])
    if entry["kind"] == "input" and entry["ref"] in inputs:
        return _answer_for_llm(inputs[entry["ref"]])
    return str(entry.get("error", "")) or "Accepted.", bool(entry.get("error"))


def result_for_llm(call: ToolCall) -> tuple[str, bool]:
    """The text about a settled call, and whether it is a failure."""
    edited = f"A person changed the arguments to {call.arguments} before this ran.\n" if call.edited else ""
    match call.status:
        case ToolCallStatus.SUCCEEDED:
            note = f"\n({call.note})" if call.note else ""
            return f"{edited}{json.dumps(call.result, ensure_ascii=False)}{note}", False
        case ToolCallStatus.REJECTED if call.error_code == "rejected":
            return f"A person rejected this call. Their reason: {call.error or 'none given'}", True
        case ToolCallStatus.REJECTED if call.error_code == "sent_back":
            return f"A person sent this call back; it was not made. Their instructions: {call.error}", True
        case ToolCallStatus.REJECTED | ToolCallStatus.FAILED:
            return f"{edited}{call.error or call.error_code}", True
        case ToolCallStatus.CANCELLED:
            return "This call was not made: the run had ended before.", True
        case _:
            return "The outcome of this call is not known yet.", True


def _answer_for_llm(request: InputRequest) -> tuple[str, bool]:
    if request.status == InputStatus.ANSWERED:
        return json.dumps(request.answer, ensure_ascii=False), False
    return "The user has not answered.", True


def arguments_of(call: ToolCall, *, sensitive: bool) -> Any:
    """A call's arguments as JSON values. sensitive: with what is hidden in them opened, if a key still opens it.

    Arguments that never fitted the schema come as the LLM's own text.
    """
    text = (_opened(call) if sensitive else None) or call.arguments
    try:
        return json.loads(text)
    except ValueError:
        return text


def hides_something(call: ToolCall, *, sensitive: bool) -> bool:
    """Whether `arguments_of` shows `***` in place of something."""
    return bool(call.sealed) and not (sensitive and _opened(call) is not None)


def _opened(call: ToolCall) -> str | None:
    """The full text of the arguments; None if nothing is hidden in them, or no key opens it any more."""
    try:
        return unseal(call.sealed) if call.sealed else None
    except ImproperlyConfigured:
        return None
