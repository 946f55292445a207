"""What was sent to the LLM in a step, as JSON."""

from typing import Any
from uuid import UUID

from pydantic import Field

from agents_app.core.transcript import FunctionSpec
from agents_app.selectors.presentation import message_shape
from agents_app.selectors.sent import Sent
from agents_app.selectors.shapes import MessageShape, Shape


class FunctionShape(Shape):
    """A function that the LLM could call."""

    name: str
    description: str
    parameters: dict[str, Any]


class SentShape(Shape):
    """What the LLM was sent in one step."""

    run: UUID
    step: int
    attempt: int = Field(description="The last one; each of an LLM of the same name was sent the same.")
    llm: str
    exact: bool | None = Field(
        description="true: as it was sent; false: what it is built from has changed since; null: that is not known."
    )
    instructions: str | None = Field(
        description="null: the agent's code made them for this run, and they were not kept."
    )
    messages: list[MessageShape]
    functions: list[FunctionShape]
    temperature: float | None
    max_tokens: int | None
    left_out: int = Field(description="Messages that were left out so that the rest fits.")
    shortened: int = Field(description="Results that were shortened for the same reason.")


def sent_as_dict(sent: Sent) -> dict[str, Any]:
    """It as JSON; the caller has asked whether this person may read it."""
    request = sent.request
    answer = [request.answer] if request.answer else []
    return SentShape(
        run=sent.run_id,
        step=sent.number,
        attempt=sent.attempt,
        llm=request.llm,
        exact=sent.exact,
        instructions=request.instructions if sent.instructions_known else None,
        messages=[message_shape(message) for message in request.messages],
        functions=[_function(each) for each in (*request.functions, *answer)],
        temperature=request.temperature,
        max_tokens=request.max_tokens,
        left_out=sent.left_out,
        shortened=sent.shortened,
    ).model_dump(mode="json")


def _function(spec: FunctionSpec) -> FunctionShape:
    return FunctionShape(name=spec.name, description=spec.description, parameters=spec.parameters)
