"""The scripted LLM that users test their agents with."""

import asyncio
import json
from decimal import Decimal

import pytest
from pydantic import BaseModel

from agents_app.core.transcript import (
    AssistantMessage,
    CallResult,
    Correction,
    FunctionSpec,
    LLMReply,
    LLMRequest,
    Message,
    ProposedCall,
    Usage,
    UserMessage,
)
from agents_app.exceptions import LLMError
from agents_app.llm import LLM
from agents_app.testing.llm import calls, fails, hang, raw_call, script, turn

pytestmark = pytest.mark.once

ANSWER = FunctionSpec(name="final_answer", description="", parameters={"type": "object"})


class Reply(BaseModel):
    text: str


def request(replies: int = 0, *, before: tuple[Message, ...] = (), answer: FunctionSpec | None = None) -> LLMRequest:
    """A request of a run in which the LLM has replied so many times."""
    said: list[Message] = []
    for number in range(replies):
        call = ProposedCall(id=f"c{number}", name="look", arguments="{}")
        said += [AssistantMessage(calls=(call,)), CallResult(call_id=call.id, name="look", content="ok")]
    messages = (*before, UserMessage(text="Hello"), *said)
    return LLMRequest(llm="x", instructions="", messages=messages, answer=answer)


def ask(llm: LLM, asked: LLMRequest) -> LLMReply:
    return asyncio.run(llm.respond(asked))


def test_turns_come_in_order_and_requests_are_recorded() -> None:
    llm = script(calls("refund", number="A-1", amount=Decimal("1.50")), "Done.")
    first, second = ask(llm, request()), ask(llm, request(1))

    assert [(call.name, json.loads(call.arguments)) for call in first.calls] == [
        ("refund", {"number": "A-1", "amount": "1.50"})
    ]
    assert first.finish_reason == "tool_call"
    assert (second.text, second.calls) == ("Done.", ())
    assert llm.requests == [request(), request(1)]
    assert isinstance(llm, LLM)


def test_a_repeated_call_gets_the_same_turn_with_the_same_ids() -> None:
    llm = script("one", [calls("look"), calls("look")])
    assert ask(llm, request(1)) == ask(llm, request(1))
    ids = [call.id for call in ask(llm, request(1)).calls]
    assert len(set(ids)) == 2
    assert ask(llm, request()).text == "one"


def test_every_run_of_a_session_starts_at_the_first_turn() -> None:
    llm = script("first", "second")
    before = (UserMessage(text="Earlier"), AssistantMessage(text="Yes"), AssistantMessage(text="No"))
    assert ask(llm, request(before=before)).text == "first"


def test_a_correction_asks_for_the_next_turn() -> None:
    llm = script("first", "second")
    messages = (UserMessage(text="Hello"), AssistantMessage(text="first"), Correction(text="Again, please."))
    assert ask(llm, LLMRequest(llm="x", instructions="", messages=messages)).text == "second"


def test_an_object_is_an_answer_by_the_answer_function_or_text() -> None:
    llm = script(Reply(text="ok"))
    call = ask(llm, request(answer=ANSWER)).calls[0]
    assert (call.name, call.arguments) == ("final_answer", '{"text":"ok"}')
    assert ask(llm, request()).text == '{"text":"ok"}'


def test_text_and_calls_in_one_turn() -> None:
    usage = Usage(input_tokens=1, output_tokens=2, cost=Decimal(3))
    reply = ask(script(turn("Well", [calls("look", at=1), raw_call("no", "{", call_id="mine")], usage)), request())
    assert reply.text == "Well"
    assert [call.name for call in reply.calls] == ["look", "no"]
    assert (reply.calls[1].id, reply.calls[1].arguments) == ("mine", "{")
    assert reply.usage == usage


def test_a_turn_may_be_computed_from_the_request_or_be_a_whole_reply() -> None:
    whole = LLMReply(text="as it is", finish_reason="length")
    llm = script(lambda asked: asked.messages[0].text, whole)
    assert ask(llm, request()).text == "Hello"
    assert ask(llm, request(1)) is whole


def test_an_exception_is_raised() -> None:
    error = LLMError("Slow down", code="rate_limited", transient=True)
    with pytest.raises(LLMError) as caught:
        ask(script(error), request())
    assert caught.value is error


def test_failing_some_times() -> None:
    llm = script(fails(2, LLMError(code="overloaded", transient=True), "then this"))
    for _ in range(2):
        with pytest.raises(LLMError):
            ask(llm, request())
    assert ask(llm, request()).text == "then this"


def test_hanging_until_it_is_cancelled() -> None:
    async def impatient() -> None:
        await asyncio.wait_for(script(hang()).respond(request()), timeout=0.05)

    with pytest.raises(TimeoutError):
        asyncio.run(impatient())


def test_a_script_that_is_over_says_so() -> None:
    with pytest.raises(LLMError, match="has 1 turns and was asked for turn 3") as caught:
        ask(script("only"), request(2))
    assert (caught.value.code, caught.value.transient) == ("script_exhausted", False)
    assert isinstance(caught.value.__cause__, AssertionError)


def test_something_strange_in_a_script_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot stand in a script"):
        ask(script(12), request())  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["Hello dear world", " leading and trailing \n", "   ", ""])
def test_text_is_told_word_by_word(text: str) -> None:
    told: list[str] = []
    asyncio.run(script(text).respond(request(), told.append))
    assert "".join(told) == text
    assert len(told) >= len(text.split())
