"""What a call cost."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelResponse


def price(response: ModelResponse) -> Decimal | None:
    """USD by the price list that is installed with the library; None if it does not know the LLM or the usage."""
    if not response.model_name:
        return None
    try:
        return response.cost().total_price
    except (LookupError, ValueError):  # not in the list; the provider did not tell the usage
        return None
