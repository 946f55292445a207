"""The embedding LLMs of all providers, through pydantic-ai. The library is imported when the first call is made."""

from __future__ import annotations

import asyncio
import importlib
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from agents_app.conf import conf
from agents_app.exceptions import EmbeddingError, LLMError
from agents_app.llm.background import background_loop
from agents_app.llm.endpoint import Endpoint
from agents_app.llm.errors import llm_error
from agents_app.llm.loops import PerLoop

if TYPE_CHECKING:
    from pydantic_ai.embeddings import EmbeddingModel, EmbeddingSettings
    from pydantic_ai.providers import Provider

_models: PerLoop[tuple[EmbeddingModel, list[Provider[Any]]]] = PerLoop()


class PydanticAIEmbedder:
    """One embedding LLM of one provider. May be made anywhere; the calls are made on one event loop of this process."""

    def __init__(self, endpoint: Endpoint, *, dimensions: int | None = None) -> None:
        self.endpoint = endpoint
        self.dimensions = dimensions

    def __repr__(self) -> str:
        return f"<PydanticAIEmbedder {self.endpoint}>"

    def embed(self, texts: Sequence[str], *, kind: Literal["query", "document"]) -> Sequence[Sequence[float]]:
        """One vector for each text; see `Embedder.embed`. Raises EmbeddingError."""
        failure: Exception
        try:
            return background_loop().run(self._ask(list(texts), kind), conf.EMBEDDING_SECONDS)
        except Exception as error:
            failure = error
        # Raised here, and not while handling it: the library's error may quote what was sent.
        raise embedding_error(failure, secrets=self._secrets())

    async def _ask(self, texts: list[str], kind: Literal["query", "document"]) -> Sequence[Sequence[float]]:
        async with asyncio.timeout(conf.EMBEDDING_SECONDS):
            model, _ = await _models.get(self.endpoint.key, self._make_model)
            settings: EmbeddingSettings = {"dimensions": self.dimensions} if self.dimensions else {}
            return (await model.embed(texts, input_type=kind, settings=settings)).embeddings

    def _make_model(self) -> tuple[EmbeddingModel, list[Provider[Any]]]:
        library = importlib.import_module("pydantic_ai.embeddings")  # slow; this runs in a thread
        from pydantic_ai.exceptions import UserError
        from pydantic_ai.providers import infer_provider_class

        made: list[Provider[Any]] = []

        def provider(name: str) -> Provider[Any]:
            options = {"base_url": self.endpoint.base_url, "api_key": self.endpoint.api_key}
            given = {key: value for key, value in options.items() if value is not None}
            try:
                made.append(infer_provider_class(name)(**given))
            except TypeError as error:
                raise UserError(f"{self.endpoint.provider} cannot be given {' and '.join(given)}.") from error
            return made[-1]

        model = library.infer_embedding_model(str(self.endpoint), provider_factory=provider)
        if client := getattr(model, "_client", None):  # attempts are counted where they are paid for
            client.max_retries = 0
        return model, made

    def _secrets(self) -> list[str | None]:
        from_environment = [value for name, value in os.environ.items() if name.endswith("_API_KEY") and len(value) > 7]
        return [self.endpoint.api_key, *from_environment]


def embedding_error(error: Exception, *, secrets: Sequence[str | None] = ()) -> EmbeddingError:
    """The error that says what went wrong with an embedder, with the codes of LLMs and without secrets."""
    if isinstance(error, EmbeddingError):
        return error
    found: LLMError = llm_error(error, secrets=secrets)
    return EmbeddingError(found.message, code=found.code, transient=found.transient, retry_after=found.retry_after)


async def close_embedders() -> None:
    """Close the connections of the running event loop."""
    for _, providers in _models.pop_all():
        for provider in providers:
            async with provider:  # leaving it closes the HTTP client that it made
                pass
