"""What a turn may cost, and by which price."""

from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from agents_app.core.transcript import LLMReply, Usage
from agents_app.llm.estimates import cost_of, reply_tokens, with_cost


def settings_with(**given: Any) -> override_settings:
    return override_settings(AGENTS_APP={**settings.AGENTS_APP, **given})


LOCAL = {"local": {"llm": "openai:gpt-5-mini", "base_url": "http://gpu/v1", "settings": {"max_tokens": 77}}}


def test_the_list_knows_the_price_of_known_llms() -> None:
    with settings_with(LLMS={"fast": "openai:gpt-5-mini"}, PRICES={}):
        assert cost_of("openai:gpt-5-mini", 1_000_000, 0) == cost_of("fast", 1_000_000, 0)
        assert (cost_of("fast", 1_000_000, 0) or 0) > 0
        assert cost_of("openai:of-my-own", 1, 1) is None
        assert cost_of("no-such-llm", 1, 1) is None


def test_a_server_of_ones_own_has_no_list_price() -> None:
    with settings_with(LLMS=LOCAL, PRICES={}):
        assert cost_of("local", 1, 1) is None
    with settings_with(LLMS=LOCAL, PRICES={"local": {"input": "0.5", "output": 2}}):
        assert cost_of("local", 1_000_000, 500_000) == Decimal("1.5")
    with settings_with(LLMS=LOCAL, PRICES={"openai:gpt-5-mini": {"input": "1", "output": "1"}}):
        assert cost_of("local", 1_000_000, 0) == 1


def test_the_longest_reply_is_asked_for_or_set_or_provided_for() -> None:
    with settings_with(LLMS=LOCAL, REPLY_TOKENS=500):
        assert reply_tokens("local", 10) == 10
        assert reply_tokens("local", None) == 77
        assert reply_tokens("openai:gpt-5-mini", None) == 500
        assert reply_tokens("anthropic:claude", None) == 16_384


@pytest.mark.parametrize("needed", [True, False])
def test_a_reply_is_priced_only_where_somebody_wants_to_know(needed: bool) -> None:
    reply = LLMReply(text="x", usage=Usage(input_tokens=1_000_000, output_tokens=0))
    with settings_with(PRICES={}, LLMS={}):
        assert (with_cost(reply, "openai:gpt-5-mini", needed=needed).usage.cost is not None) == needed
    told = LLMReply(text="x", usage=Usage(input_tokens=1_000_000, output_tokens=0, cost=Decimal(9)))
    with settings_with(PRICES={"mine": {"input": "1", "output": "1"}}, LLMS={"mine": "openai:gpt-5-mini"}):
        assert with_cost(told, "mine", needed=needed).usage.cost == 1
        assert with_cost(told, "openai:gpt-5-mini", needed=needed) == told
