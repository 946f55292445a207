"""The conversation with an LLM, in this project's own shapes.

Rows are the transcript's truth; these values are built from them, and the LLM port builds its library's
messages from these. `LLMRequest` goes in, `LLMReply` comes out.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class UserMessage:
    """What the run was asked."""

    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ProposedCall:
    """A function the LLM wants called. `arguments` is JSON text as the LLM wrote it; it may be invalid."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Thought:
    """A provider's reasoning part, kept so that it can be sent back unchanged where the provider asks for it."""

    text: str
    signature: str | None = None
    provider: str | None = None
    id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AssistantMessage:
    """One earlier reply of the LLM."""

    text: str = ""
    calls: tuple[ProposedCall, ...] = ()
    thoughts: tuple[Thought, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class CallResult:
    """What the LLM is told about one of its calls. `content` is JSON text or plain text."""

    call_id: str
    name: str
    content: str
    failed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Correction:
    """A message to the LLM that its last reply cannot be used, and why (no call to answer)."""

    text: str


Message = UserMessage | AssistantMessage | CallResult | Correction


@dataclass(frozen=True, kw_only=True, slots=True)
class FunctionSpec:
    """A function the LLM may call: its name, its description and the JSON schema of its parameters."""

    name: str
    description: str
    parameters: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class LLMRequest:
    """One turn of the LLM. `timeout` is seconds for the whole call; `max_tokens` the longest reply, None: no limit.

    `answer` is the function by which a structured answer is given; None means that plain text is the answer.
    `llm` names the model, for implementations that serve several.
    """

    llm: str
    instructions: str
    messages: tuple[Message, ...]
    functions: tuple[FunctionSpec, ...] = ()
    answer: FunctionSpec | None = None
    temperature: float | None = None
    timeout: float = 60.0
    max_tokens: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """Tokens of one call, and its price in USD where the price is known."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LLMReply:
    """What the LLM said. `llm` is the name the provider reports."""

    text: str = ""
    calls: tuple[ProposedCall, ...] = ()
    thoughts: tuple[Thought, ...] = ()
    usage: Usage = field(default_factory=Usage)
    llm: str = ""
    finish_reason: str | None = None
