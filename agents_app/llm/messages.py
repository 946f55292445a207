"""From a request in our words to the messages of pydantic-ai, valid for every provider."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

from agents_app.core.canonical import clean_json, clean_text
from agents_app.core.transcript import AssistantMessage, CallResult, FunctionSpec, LLMRequest, Message, ProposedCall

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelRequestPart, ModelResponsePart, ToolReturnPart
    from pydantic_ai.models import ModelRequestParameters

NO_RESULT = "There is no result: this call was not made."
"""What the LLM is told about a call of which the transcript has no result; providers insist on one."""


def build_messages(request: LLMRequest) -> list[ModelMessage]:
    """The conversation as alternating messages; each call of the LLM is followed by exactly one result."""
    from pydantic_ai.messages import ModelRequest, ModelResponse

    built: list[ModelMessage] = []
    for assistant, others in _turns(request.messages):
        calls = _unique(assistant.calls) if assistant else []
        if assistant and (said := _said(assistant, calls)):
            built.append(ModelResponse(parts=said))
        if heard := _heard(calls, others):
            built.append(ModelRequest(parts=heard, instructions=_clean(request.instructions) or None))
    return built


def build_parameters(request: LLMRequest) -> ModelRequestParameters:
    """The functions of the request, the answer function among them."""
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.tools import ToolDefinition

    specs: Iterable[FunctionSpec] = (*request.functions, *([request.answer] if request.answer else []))
    return ModelRequestParameters(
        function_tools=[
            ToolDefinition(
                name=spec.name,
                description=_clean(spec.description),
                parameters_json_schema=cast(dict[str, Any], clean_json(spec.parameters)[0]),
            )
            for spec in specs
        ]
    )


def _clean(text: str) -> str:
    return clean_text(text)[0]


def _turns(messages: Sequence[Message]) -> list[tuple[AssistantMessage | None, list[Message]]]:
    """Each reply of the LLM with what it was told next; None stands for the reply before the first."""
    turns: list[tuple[AssistantMessage | None, list[Message]]] = [(None, [])]
    for message in messages:
        if isinstance(message, AssistantMessage):
            turns.append((message, []))
        else:
            turns[-1][1].append(message)
    return turns


def _unique(calls: Iterable[ProposedCall]) -> list[tuple[str, ProposedCall]]:
    """The calls of one turn with ids that are unique in it; some LLMs repeat theirs."""
    seen: Counter[str] = Counter()
    named = []
    for call in calls:
        seen[call.id] += 1
        named.append((call.id if seen[call.id] == 1 else f"{call.id}-{seen[call.id]}", call))
    return named


def _said(message: AssistantMessage, calls: Iterable[tuple[str, ProposedCall]]) -> list[ModelResponsePart]:
    from pydantic_ai.messages import TextPart, ThinkingPart, ToolCallPart

    thoughts = [
        ThinkingPart(_clean(thought.text), id=thought.id, signature=thought.signature, provider_name=thought.provider)
        for thought in message.thoughts
    ]
    text = [TextPart(_clean(message.text))] if message.text else []
    proposed = [ToolCallPart(call.name, _clean(call.arguments), tool_call_id=call_id) for call_id, call in calls]
    return [*thoughts, *text, *proposed] if text or proposed else []


def _heard(calls: Iterable[tuple[str, ProposedCall]], others: Iterable[Message]) -> list[ModelRequestPart]:
    """The results in the order of the calls, then all other texts; a result nobody asked for becomes a text."""
    from pydantic_ai.messages import UserPromptPart

    results: defaultdict[str, deque[CallResult]] = defaultdict(deque)
    texts: list[CallResult | str] = []
    asked = {call.id for _, call in calls}
    for message in others:
        if isinstance(message, CallResult):
            (results[message.call_id] if message.call_id in asked else texts).append(message)
        elif not isinstance(message, AssistantMessage):
            texts.append(message.text)
    returned = [_returned(call_id, call, results[call.id]) for call_id, call in calls]
    surplus = [result for left in results.values() for result in left]
    return [*returned, *(UserPromptPart(_clean(_as_text(text))) for text in (*surplus, *texts))]


def _returned(call_id: str, call: ProposedCall, results: deque[CallResult]) -> ToolReturnPart:
    from pydantic_ai.messages import ToolReturnPart

    if not results:
        return ToolReturnPart(call.name, NO_RESULT, call_id, outcome="interrupted")
    result = results.popleft()
    return ToolReturnPart(call.name, _clean(result.content), call_id, outcome="failed" if result.failed else "success")


def _as_text(message: CallResult | str) -> str:
    return message if isinstance(message, str) else f"Later result of {message.name}: {message.content}"
