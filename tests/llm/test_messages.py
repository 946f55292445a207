"""The messages that are sent are valid whatever the transcript looks like."""

from typing import Any

from pydantic_ai.messages import (
    ModelRequest,
    ModelResponse,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)

from agents_app.core.transcript import (
    AssistantMessage,
    CallResult,
    Correction,
    LLMRequest,
    Message,
    ProposedCall,
    Thought,
    UserMessage,
)
from agents_app.llm.messages import NO_RESULT, build_messages, build_parameters

ASKED = UserMessage(text="Hello")


def call(call_id: str, name: str = "look", arguments: str = "{}") -> ProposedCall:
    return ProposedCall(id=call_id, name=name, arguments=arguments)


def result(call_id: str, content: str, *, failed: bool = False) -> CallResult:
    return CallResult(call_id=call_id, name="look", content=content, failed=failed)


def build(*messages: Message, instructions: str = "Help.") -> list[Any]:
    return list(build_messages(LLMRequest(llm="x", instructions=instructions, messages=messages)))


def heard(message: ModelRequest) -> list[tuple[str, str]]:
    return [
        (part.tool_call_id if isinstance(part, ToolReturnPart) else "user", str(part.content))
        for part in message.parts
        if isinstance(part, ToolReturnPart | UserPromptPart)
    ]


def test_a_conversation_alternates() -> None:
    said = AssistantMessage(
        text="Well", calls=(call("a"), call("b")), thoughts=(Thought(text="Hm", signature="S", provider="anthropic"),)
    )
    first, reply, second = build(ASKED, said, result("b", "2"), result("a", "1", failed=True), Correction(text="No"))

    assert isinstance(first, ModelRequest)
    assert heard(first) == [("user", "Hello")]
    assert isinstance(reply, ModelResponse)
    assert [type(part) for part in reply.parts] == [ThinkingPart, TextPart, ToolCallPart, ToolCallPart]
    assert heard(second) == [("a", "1"), ("b", "2"), ("user", "No")]
    assert [part.outcome for part in second.parts[:2]] == ["failed", "success"]
    assert second.instructions == "Help."


def test_a_call_without_result_gets_one() -> None:
    *_, last = build(ASKED, AssistantMessage(calls=(call("a"), call("b"))), result("b", "2"))
    assert heard(last) == [("a", NO_RESULT), ("b", "2")]


def test_also_when_the_next_reply_follows_at_once() -> None:
    _, _, between, _ = build(ASKED, AssistantMessage(calls=(call("a"),)), AssistantMessage(text="Later"))
    assert heard(between) == [("a", NO_RESULT)]


def test_two_calls_with_one_id_are_told_apart() -> None:
    _, reply, last = build(
        ASKED, AssistantMessage(calls=(call("a"), call("a"))), result("a", "first"), result("a", "second")
    )
    assert [part.tool_call_id for part in reply.parts] == ["a", "a-2"]
    assert heard(last) == [("a", "first"), ("a-2", "second")]


def test_an_id_may_come_again_in_a_later_turn() -> None:
    turn = AssistantMessage(calls=(call("a"),))
    _, _, first, _, second = build(ASKED, turn, result("a", "1"), turn, result("a", "2"))
    assert heard(first) == [("a", "1")]
    assert heard(second) == [("a", "2")]


def test_results_that_nobody_asked_for_become_text() -> None:
    _, _, last = build(
        ASKED, AssistantMessage(calls=(call("a"),)), result("x", "odd"), result("a", "1"), result("a", "2")
    )
    assert heard(last) == [("a", "1"), ("user", "Later result of look: 2"), ("user", "Later result of look: odd")]


def test_an_empty_reply_is_left_out() -> None:
    messages = build(ASKED, AssistantMessage(thoughts=(Thought(text="Hm"),)), Correction(text="You said nothing."))
    assert [type(message) for message in messages] == [ModelRequest, ModelRequest]


def test_without_functions_there_are_no_parameters() -> None:
    assert build_parameters(LLMRequest(llm="x", instructions="", messages=(ASKED,))).function_tools == []
