"""The LLMs of all providers, through pydantic-ai's direct API. The library is imported when the first call is made."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
from typing import TYPE_CHECKING, Any

from agents_app.core.transcript import LLMReply, LLMRequest
from agents_app.llm.base import OnText
from agents_app.llm.endpoint import PROVIDERS, Endpoint
from agents_app.llm.errors import llm_error
from agents_app.llm.loops import PerLoop
from agents_app.llm.messages import build_messages, build_parameters
from agents_app.llm.replies import read_reply

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelResponse
    from pydantic_ai.models import Model
    from pydantic_ai.providers import Provider
    from pydantic_ai.settings import ModelSettings

logger = logging.getLogger("agents_app.llm")

MAX_TOKENS = {"anthropic": 16_384}
"""Output tokens asked of providers that demand a limit; the alias' settings may say another number.

Without it the library asks for the LLM's maximum, which makes the provider refuse calls that are not streamed.
"""

_models: PerLoop[Model] = PerLoop()


class PydanticAILLM:
    """One LLM of one provider. May be made anywhere; what belongs to an event loop is made there at the first call."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    def __repr__(self) -> str:
        return f"<PydanticAILLM {self.endpoint}>"

    async def respond(self, request: LLMRequest, on_text: OnText | None = None) -> LLMReply:
        """The LLM's reply; see `LLM.respond`."""
        failure: Exception
        try:
            async with asyncio.timeout(request.timeout):
                response = await self._ask(request, on_text)
            return read_reply(response)
        except Exception as error:
            failure = error
        # Raised here, and not while handling it: the library's error may quote what was sent.
        raise llm_error(failure, secrets=self._secrets())

    async def _ask(self, request: LLMRequest, on_text: OnText | None) -> ModelResponse:
        model = await _models.get(self.endpoint.key, self._make_model)
        from pydantic_ai import direct  # by now imported, in the thread that made the model

        options: dict[str, Any] = {
            "model_request_parameters": build_parameters(request),
            "model_settings": self._settings(request),
        }
        messages = build_messages(request)
        if on_text is None:
            return await direct.model_request(model, messages, **options)
        async with direct.model_request_stream(model, messages, **options) as stream:
            async for event in stream:
                _tell(on_text, _new_text(event))
            return stream.get()

    def _make_model(self) -> Model:
        importlib.import_module("pydantic_ai.direct")  # slow; this runs in a thread
        from pydantic_ai.exceptions import UserError
        from pydantic_ai.models import infer_model
        from pydantic_ai.providers import infer_provider_class

        def provider(name: str) -> Provider[Any]:
            options = {"base_url": self.endpoint.base_url, "api_key": self.endpoint.api_key}
            given = {key: value for key, value in options.items() if value is not None}
            try:
                return infer_provider_class(name)(**given)
            except TypeError as error:
                text = (
                    f"{self.endpoint.provider} cannot be given {' and '.join(given)}; compatible servers are openai:…"
                )
                raise UserError(text) from error

        return _strict(
            infer_model(f"{PROVIDERS[self.endpoint.provider]}:{self.endpoint.llm}", provider_factory=provider)
        )

    def _settings(self, request: LLMRequest) -> ModelSettings:
        settings: dict[str, Any] = {
            "timeout": request.timeout,
            "request_timeout": request.timeout,
            "max_retries": 0,  # the run's own attempts are counted in its rows
        }
        if limit := MAX_TOKENS.get(self.endpoint.provider):
            settings["max_tokens"] = limit
        settings.update(self.endpoint.settings)
        if request.temperature is not None:
            settings["temperature"] = request.temperature
        if request.max_tokens is not None:
            settings["max_tokens"] = request.max_tokens
        return settings  # type: ignore[return-value]  # an alias may set what only its provider knows

    def _secrets(self) -> list[str | None]:
        from_environment = [value for name, value in os.environ.items() if name.endswith("_API_KEY") and len(value) > 7]
        return [self.endpoint.api_key, *from_environment]


def _strict(model: Model) -> Model:
    """The same, but taking a stream in the chat format that ends without a reason for a broken one, not for a reply."""
    try:
        from pydantic_ai.models.openai import OpenAIChatModel
        from pydantic_ai.profiles.openai import OpenAIModelProfile
    except ImportError:
        return model
    if not isinstance(model, OpenAIChatModel) or model.provider is None:
        return model
    profile = OpenAIModelProfile(openai_chat_streaming_requires_finish_reason=True)
    return type(model)(model.model_name, provider=model.provider, profile=profile)


async def close_connections() -> None:
    """Close the connections of the running event loop. Await it before the loop ends, so that none is left open."""
    for model in _models.pop_all():
        async with model:  # leaving it closes the HTTP client that it made
            pass


def _new_text(event: Any) -> str:
    from pydantic_ai.messages import PartDeltaEvent, PartStartEvent, TextPart, TextPartDelta

    if isinstance(event, PartStartEvent) and isinstance(event.part, TextPart):
        return event.part.content
    if isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
        return event.delta.content_delta
    return ""


def _tell(on_text: OnText, text: str) -> None:
    """A listener that fails must not cost the reply, which is paid for."""
    if not text:
        return
    try:
        on_text(text)
    except Exception:
        logger.exception("A listener to an LLM's text failed.")
