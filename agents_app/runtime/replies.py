"""Reading an LLM's reply: which calls, questions or answer it holds, and what is wrong with it."""

import json
import math
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from django.utils.translation import override

from agents_app.conf import conf
from agents_app.core.canonical import clean_json, clean_text, digest, sha256_of
from agents_app.core.functions import ASK_USER, FINAL_ANSWER
from agents_app.core.status import Effect
from agents_app.core.transcript import LLMReply, ProposedCall
from agents_app.definitions.agent_definition import AgentDefinition
from agents_app.definitions.questions import check_schema
from agents_app.definitions.tool_spec import ToolSpec
from agents_app.definitions.validation import at_place
from agents_app.exceptions import InvalidArguments
from agents_app.models.fields import uuid7
from agents_app.models.sealing import HIDDEN, seal
from agents_app.transitions.calls import Proposal

KEPT = 10_000
"""Characters kept of what does not fit: broken arguments, an oversized reply."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A question to the user."""

    id: UUID
    provider_id: str
    text: str
    schema: dict[str, Any] | None


@dataclass(kw_only=True, slots=True)
class Turn:
    """What a reply comes to. `response` is stored with the step; `say` is text beside calls."""

    response: dict[str, Any]
    answered: bool = False
    proposals: list[Proposal] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    say: str = ""


def read_reply(run_id: UUID, definition: AgentDefinition, reply: LLMReply) -> Turn:
    """Sort a reply into what it asks for. Whatever is wrong with it becomes a text that the LLM reads next: in English,
    as all that it is told by us."""
    with override(None):
        return _read(run_id, definition, reply)


def _read(run_id: UUID, definition: AgentDefinition, reply: LLMReply) -> Turn:
    text = clean_text(reply.text)[0]
    turn = Turn(response={"v": 1, "text": text, "thoughts": clean_json([asdict(each) for each in reply.thoughts])[0]})
    correction = _unusable(text, reply)
    if correction:
        turn.response |= {"text": text[:KEPT], "thoughts": [], "correction": correction}
        return turn
    calls = _with_unique_ids(reply.calls)
    if not calls:
        _read_answer_text(definition, turn, text)
        return turn
    alone = len(calls) == 1
    turn.response["calls"] = [_read_call(run_id, definition, turn, call, alone) for call in calls]
    turn.say = "" if turn.answered else text.strip()
    return turn


def _unusable(text: str, reply: LLMReply) -> str:
    calls = reply.calls
    size = len(text) + sum(len(call.arguments) for call in calls) + sum(len(thought.text) for thought in reply.thoughts)
    if size > conf.REPLY_LIMIT:
        return f"Your reply had {size} characters; at most {conf.REPLY_LIMIT} are accepted. Be brief."
    if len(calls) > conf.CALLS_PER_TURN:
        return f"You proposed {len(calls)} calls at once; at most {conf.CALLS_PER_TURN} are accepted. None was made."
    if not text.strip() and not calls:
        return "Your reply was empty. Answer, or call a function."
    return ""


def _with_unique_ids(calls: tuple[ProposedCall, ...]) -> list[ProposedCall]:
    """Some LLMs give two calls one id; results could not be told apart."""
    seen: set[str] = set()
    unique = []
    for number, call in enumerate(calls, start=1):
        name = clean_text(call.name)[0][:100]
        identity = clean_text(call.id)[0][:150] or f"call-{number}"
        while identity in seen:
            identity = f"{identity}-{number}"
        seen.add(identity)
        unique.append(ProposedCall(id=identity, name=name, arguments=clean_text(call.arguments)[0]))
    return unique


def _read_answer_text(definition: AgentDefinition, turn: Turn, text: str) -> None:
    try:
        answer = definition.validate_answer(text)
    except InvalidArguments as error:
        turn.response["correction"] = f"This is not a valid answer. {_explained(error)}"
        return
    turn.response["answer"] = definition.dump_answer(answer)
    turn.answered = True


def _read_call(
    run_id: UUID, definition: AgentDefinition, turn: Turn, call: ProposedCall, alone: bool
) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": call.id, "name": call.name}
    if call.name == FINAL_ANSWER and definition.answer_schema is not None:
        return entry | _read_answer(definition, turn, call, alone)
    if call.name == ASK_USER and definition.asks_user:
        return entry | _read_question(turn, call)
    proposal = _proposal(run_id, definition.tools.get(call.name), call, sorted(definition.tools))
    turn.proposals.append(proposal)
    return entry | {"kind": "tool", "ref": str(proposal.id)}


def _read_answer(definition: AgentDefinition, turn: Turn, call: ProposedCall, alone: bool) -> dict[str, Any]:
    entry = {"kind": "answer", "arguments": call.arguments}
    if not alone:
        return entry | {"error": "Not accepted: call final_answer alone, when everything else is settled."}
    try:
        answer = definition.validate_answer(_parsed(call.arguments))
    except InvalidArguments as error:
        return entry | {"error": f"Not accepted. {_explained(error)}"}
    turn.response["answer"] = definition.dump_answer(answer)
    turn.answered = True
    return entry


def _read_question(turn: Turn, call: ProposedCall) -> dict[str, Any]:
    entry = {"arguments": call.arguments}
    try:
        arguments = _parsed(call.arguments)
        question, schema = arguments.get("question"), arguments.get("schema")
        if not isinstance(question, str) or not question.strip():
            raise InvalidArguments("`question` is a text and must not be empty.")
        if schema is not None:
            check_schema(schema)
    except InvalidArguments as error:
        return entry | {"kind": "invalid", "error": _explained(error)}
    asked = Question(id=uuid7(), provider_id=call.id, text=question, schema=schema or None)
    turn.questions.append(asked)
    return entry | {"kind": "input", "ref": str(asked.id)}


def _proposal(run_id: UUID, tool: ToolSpec | None, call: ProposedCall, known: list[str]) -> Proposal:
    identity = uuid7()
    if tool is None:
        names = ", ".join(known) or "none"
        problem = ("unknown_tool", f"There is no function {call.name}. There are: {names}.")
        return Proposal(
            id=identity,
            provider_id=call.id,
            tool=call.name,
            effect=Effect.EXTERNAL,
            arguments=call.arguments[:KEPT],
            problem=problem,
        )
    try:
        text = tool.text(tool.validate(_parsed(call.arguments)))
    except InvalidArguments as error:
        broken = HIDDEN if tool.sensitive else call.arguments[:KEPT]
        return Proposal(
            id=identity,
            provider_id=call.id,
            tool=tool.name,
            effect=tool.effect,
            schema_hash=tool.schema_hash,
            arguments=broken,
            problem=("invalid_arguments", _explained(error)),
        )
    return Proposal(
        id=identity,
        provider_id=call.id,
        tool=tool.name,
        effect=tool.effect,
        schema_hash=tool.schema_hash,
        arguments=tool.masked(text),
        sealed=seal(text) if tool.sensitive else "",
        arguments_hash=sha256_of(text),
        digest=digest(run_id, identity, tool.name, tool.schema_hash, text),
        retries=tool.retries,
        reconcile=tool.has_reconcile,
    )


def _parsed(arguments: str) -> dict[str, Any]:
    try:
        value = clean_json(json.loads(arguments or "{}", parse_constant=_no_constant, parse_float=_finite))[0]
    except (ValueError, RecursionError) as error:
        raise InvalidArguments(f"The arguments are not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise InvalidArguments("The arguments must be a JSON object.")
    return value


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _no_constant(digits)


def _explained(error: InvalidArguments) -> str:
    """What is wrong, and where, each said once: most messages name all of it themselves."""
    lines = [at_place(each["path"], each["message"]) for each in error.errors]
    return " ".join([error.message, *(line for line in lines if line not in error.message)])[:KEPT]
