import pytest
from pydantic_ai.messages import ModelResponse, TextPart, ThinkingPart, ToolCallPart
from pydantic_ai.usage import RequestUsage

from agents_app.core.transcript import LLMReply, ProposedCall, Thought, Usage
from agents_app.exceptions import LLMError
from agents_app.llm.replies import read_reply


def test_all_parts_are_read() -> None:
    response = ModelResponse(
        parts=[
            ThinkingPart("Hm", id="t1", signature="S", provider_name="anthropic"),
            TextPart("I will "),
            ToolCallPart("look", {"number": 1}, tool_call_id="a"),
            TextPart("look."),
            ToolCallPart("look", '{"number": 0001', tool_call_id="b"),
            ToolCallPart("look", None, tool_call_id="c"),
        ],
        usage=RequestUsage(input_tokens=3, output_tokens=4),
        model_name="mine",
        finish_reason="tool_call",
    )
    assert read_reply(response) == LLMReply(
        text="I will look.",
        calls=(
            ProposedCall(id="a", name="look", arguments='{"number":1}'),
            ProposedCall(id="b", name="look", arguments='{"number": 0001'),
            ProposedCall(id="c", name="look", arguments="{}"),
        ),
        thoughts=(Thought(text="Hm", id="t1", signature="S", provider="anthropic"),),
        usage=Usage(input_tokens=3, output_tokens=4),
        llm="mine",
        finish_reason="tool_call",
    )


@pytest.mark.parametrize(
    ("reason", "code", "transient"),
    [("content_filter", "content_filter", False), ("error", "invalid_reply", True), (None, "invalid_reply", True)],
)
def test_a_reply_that_did_not_end_well_is_none(reason: str | None, code: str, transient: bool) -> None:
    with pytest.raises(LLMError) as caught:
        read_reply(ModelResponse(parts=[TextPart("I")], finish_reason=reason))  # type: ignore[arg-type]
    assert (caught.value.code, caught.value.transient) == (code, transient)
