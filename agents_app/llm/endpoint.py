"""A provider's LLM with the options of an alias. Secrets stay out of its repr."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

PROVIDERS: Mapping[str, str] = {
    "anthropic": "anthropic",
    "azure": "azure",
    "bedrock": "bedrock",
    "cerebras": "cerebras",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "google": "google",
    "google-cloud": "google-cloud",
    "groq": "groq",
    "huggingface": "huggingface",
    "mistral": "mistral",
    "ollama": "ollama",
    # Every compatible server (vLLM, llama.cpp, …) has the chat format, few the newer one.
    "openai": "openai-chat",
    "openai-responses": "openai-responses",
    "openrouter": "openrouter",
    "vllm": "vllm",
    "xai": "xai",
}
"""The providers by our names, and the library's names of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """One LLM of one provider. `settings` are passed on to the library with every call."""

    provider: str
    llm: str
    base_url: str | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def with_options(self, **options: Any) -> "Endpoint":
        """A copy with other options."""
        return replace(self, **options)

    @property
    def key(self) -> tuple[str | None, ...]:
        """What a connection to this endpoint depends on."""
        return (self.provider, self.llm, self.base_url, self.api_key)

    def __str__(self) -> str:
        return f"{self.provider}:{self.llm}"


def endpoint(name: str) -> Endpoint | None:
    """The endpoint that "provider:model" names; None if the provider is not known."""
    provider, colon, llm = name.partition(":")
    if not colon or not llm or provider not in PROVIDERS:
        return None
    return Endpoint(provider=provider, llm=llm)
