"""The schema that an LLM reads."""

from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any

from pydantic import BaseModel, Field

from agents_app import Agent, ToolContext
from agents_app.definitions.registry import definition_of


def schema_of(function: Callable[..., Any]) -> dict[str, Any]:
    agent = type("Shop", (Agent,), {"name": "shop", "tools": [function]})
    (spec,) = definition_of(agent).tools.values()
    return spec.parameters


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


class Box(BaseModel):
    title: str
    size: Size = Size.SMALL


def test_texts_come_from_the_docstring_and_from_fields() -> None:
    def order(
        number: str, amount: Annotated[Decimal, Field(gt=0, description="In EUR.")], context: ToolContext, size: Size
    ) -> None:
        """Order something.

        Args:
            number: The order's number,
                as on the invoice.
            amount: Not this text.
            size (Size): How large.

        Returns:
            Nothing.
        """

    schema = schema_of(order)
    assert schema["properties"]["number"] == {"type": "string", "description": "The order's number, as on the invoice."}
    assert schema["properties"]["amount"]["description"] == "In EUR."
    assert schema["properties"]["size"]["description"] == "How large."
    assert schema["$defs"]["Size"]["enum"] == ["small", "large"]
    assert "context" not in schema["properties"]


def test_nested_types_keep_their_fields() -> None:
    def pack(boxes: list[Box], note: str | None = None) -> None: ...

    schema = schema_of(pack)
    assert schema["$defs"]["Box"]["properties"]["title"] == {"type": "string"}
    assert schema["required"] == ["boxes"]
    assert schema["properties"]["note"]["default"] is None
    assert schema["additionalProperties"] is False
    assert "title" not in schema


def test_without_parameters() -> None:
    def nothing(context: ToolContext) -> None: ...

    assert schema_of(nothing) == {"additionalProperties": False, "properties": {}, "type": "object"}
