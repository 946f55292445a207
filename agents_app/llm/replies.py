"""From a response of pydantic-ai to a reply in our words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents_app.core.transcript import LLMReply, ProposedCall, Thought, Usage
from agents_app.exceptions import LLMError
from agents_app.llm.pricing import price

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelResponse, ThinkingPart, ToolCallPart


def read_reply(response: ModelResponse) -> LLMReply:
    """The reply; it may be empty. Raises `LLMError` "content_filter" or "invalid_reply" where it is cut off."""
    from pydantic_ai.messages import TextPart, ThinkingPart, ToolCallPart

    if response.finish_reason == "content_filter":
        raise LLMError("The provider's content filter withheld the reply.", code="content_filter")
    if response.finish_reason is None or response.finish_reason == "error":
        raise LLMError("The reply ended in the middle.", code="invalid_reply", transient=True)
    return LLMReply(
        text="".join(part.content for part in response.parts if isinstance(part, TextPart)),
        calls=tuple(_call(part) for part in response.parts if isinstance(part, ToolCallPart)),
        thoughts=tuple(_thought(part) for part in response.parts if isinstance(part, ThinkingPart)),
        usage=Usage(
            input_tokens=response.usage.input_tokens,
            output_tokens=response.usage.output_tokens,
            cost=price(response),
        ),
        llm=response.model_name or "",
        finish_reason=response.finish_reason,
    )


def _call(part: ToolCallPart) -> ProposedCall:
    # A text is kept as the LLM wrote it: whether it is valid is not for the port to say.
    arguments = part.args if isinstance(part.args, str) else part.args_as_json_str()
    return ProposedCall(id=part.tool_call_id, name=part.tool_name, arguments=arguments or "{}")


def _thought(part: ThinkingPart) -> Thought:
    return Thought(text=part.content, signature=part.signature, provider=part.provider_name, id=part.id)
