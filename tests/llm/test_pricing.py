from decimal import Decimal

import pytest
from pydantic_ai.messages import ModelResponse
from pydantic_ai.usage import RequestUsage

from agents_app.llm.pricing import price

USAGE = RequestUsage(input_tokens=1_000_000, output_tokens=0)


def test_a_known_llm_has_a_price() -> None:
    cost = price(ModelResponse(parts=[], model_name="gpt-4o-mini", provider_name="openai", usage=USAGE))
    assert cost == Decimal("0.15")


@pytest.mark.parametrize("name", [None, "qwen3-of-mine"])
def test_an_unknown_llm_has_none(name: str | None) -> None:
    assert price(ModelResponse(parts=[], model_name=name, provider_name="openai", usage=USAGE)) is None


def test_a_reply_without_usage_has_none() -> None:
    response = ModelResponse(parts=[], model_name="gpt-4o-mini", provider_name="openai")
    response.usage.unmeasured_requests = 1
    assert price(response) is None
