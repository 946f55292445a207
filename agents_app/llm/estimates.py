"""What a turn of an LLM will cost at most, probably; and what a reply did cost, by the prices of the settings."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from agents_app.conf import conf
from agents_app.core.transcript import LLMReply
from agents_app.exceptions import UnknownLLM
from agents_app.llm.endpoint import Endpoint
from agents_app.llm.pydantic_ai import MAX_TOKENS
from agents_app.llm.resolve import DEMO, target

MILLION = 1_000_000
LIST_PROVIDERS: Mapping[str, str] = {
    "azure": "azure",
    "bedrock": "aws",
    "google-cloud": "google",
    "huggingface": "huggingface_together",
    "openai-responses": "openai",
    "xai": "x-ai",
}
"""Our providers by their names in the price list, where they differ."""


def cost_of(name: str, input_tokens: int, output_tokens: int) -> Decimal | None:
    """USD for so many tokens of the LLM of this name; None if nobody knows its price."""
    found = _target(name)
    own = conf.PRICES.get(name) or (conf.PRICES.get(str(found)) if isinstance(found, Endpoint) else None)
    if own is not None:
        return _by_settings(own, input_tokens, output_tokens)
    if found == DEMO:
        return Decimal(0)
    if not isinstance(found, Endpoint) or found.base_url is not None:
        return None  # a server of one's own has no price in the list, whatever its LLM is called
    return _by_list(found, input_tokens, output_tokens)


def reply_tokens(name: str, asked: int | None) -> int:
    """How many tokens a reply may have: what is asked of the provider, else what is set aside for it."""
    if asked is not None:
        return asked
    found = _target(name)
    if isinstance(found, Endpoint):
        given = found.settings.get("max_tokens", MAX_TOKENS.get(found.provider))
        if isinstance(given, int):
            return given
    return int(conf.REPLY_TOKENS)


def with_cost(reply: LLMReply, name: str, *, needed: bool) -> LLMReply:
    """The reply with the price of the settings, which goes before what the reply says.

    needed: a budget wants to know, so the price list is asked too if the reply says nothing.
    """
    used = reply.usage
    own = bool(conf.PRICES) and _has_own_price(name)
    if not own and not (needed and used.cost is None):
        return reply
    cost = cost_of(name, used.input_tokens, used.output_tokens)
    return reply if cost is None else replace(reply, usage=replace(used, cost=cost))


def price_problems() -> list[str]:
    """What is wrong with AGENTS_APP["PRICES"], each a sentence."""
    found = []
    for name, price in conf.PRICES.items():
        try:
            _by_settings(price, 1, 1)
        except (ValueError, TypeError, KeyError, AttributeError):
            found.append(f'AGENTS_APP["PRICES"][{name!r}] is not like {{"input": "0.25", "output": "2.00"}}.')
    return found


def _has_own_price(name: str) -> bool:
    return name in conf.PRICES or str(_target(name)) in conf.PRICES


def _target(name: str) -> Endpoint | str | None:
    try:
        return target(name)
    except UnknownLLM:
        return None


def _by_settings(price: Mapping[str, Any], input_tokens: int, output_tokens: int) -> Decimal:
    return (_usd(price["input"]) * input_tokens + _usd(price["output"]) * output_tokens) / MILLION


def _usd(value: Any) -> Decimal:
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{value!r} is no amount") from None
    if not amount.is_finite() or amount < 0:
        raise ValueError(f"{value!r} is no price")
    return amount


def _by_list(found: Endpoint, input_tokens: int, output_tokens: int) -> Decimal | None:
    from genai_prices import Usage, calc_price  # slow, and needed for budgets of money alone

    used = Usage(input_tokens=input_tokens, output_tokens=output_tokens)
    provider = LIST_PROVIDERS.get(found.provider, found.provider)
    try:
        return calc_price(used, model_ref=found.llm, provider_id=provider).total_price
    except (LookupError, ValueError):
        return None
