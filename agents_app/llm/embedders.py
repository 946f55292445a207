"""From AGENTS_APP["EMBEDDER"] to an object that turns texts into vectors."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

from django.utils.module_loading import import_string

from agents_app.conf import conf
from agents_app.exceptions import EmbeddingError
from agents_app.llm.endpoint import Endpoint
from agents_app.llm.pydantic_ai_embedder import PydanticAIEmbedder

Kind = Literal["query", "document"]
"""What a text is embedded as: some LLMs make different vectors of a question and of what answers it."""

PROVIDERS = (
    "azure",
    "bedrock",
    "cohere",
    "google",
    "google-cloud",
    "mistral",
    "ollama",
    "openai",
    "sentence-transformers",
    "together",
    "vllm",
    "voyageai",
)
"""Of "provider:model". Every server that is compatible with OpenAI's is "openai" with a base_url."""

KEYS = ("embedder", "base_url", "api_key", "dimensions")
NAME_LIMIT = 200


@runtime_checkable
class Embedder(Protocol):
    """Turns texts into vectors. Implement this one method to bring your own; name the class in AGENTS_APP["EMBEDDER"].

    It is called from several threads at the same time.
    """

    def embed(self, texts: Sequence[str], *, kind: Kind) -> Sequence[Sequence[float]]:
        """One vector for each text, in their order, all with as many numbers. May raise what it likes."""
        ...


def embedder_name() -> str:
    """Under which name the vectors of the configured embedder are stored; empty if there is none.

    It is another name when other vectors come of it: a reduced number of dimensions is part of it.
    """
    name, options = _configured()
    dimensions = options.get("dimensions")
    return f"{name}@{dimensions}" if name and dimensions else name


def configured_embedder() -> Embedder:
    """The embedder that the settings name. Raises EmbeddingError, whose text says what to do."""
    name, options = _configured()
    if not name:
        raise EmbeddingError(code="not_configured")
    provider, colon, llm = name.partition(":")
    if colon:
        return PydanticAIEmbedder(_endpoint(provider, llm, options), dimensions=options.get("dimensions"))
    if options:
        raise _wrong(f"{', '.join(sorted(options))} need a “provider:model”, and {name} is a class.")
    return _own(name)


def named_embedder(name: str) -> Embedder:
    """The embedder whose vectors are stored under this name, which need not be the configured one any more.

    Another LLM of the configured provider is asked at the same address. Raises EmbeddingError.
    """
    if name == embedder_name():
        return configured_embedder()
    provider, colon, llm = name.partition(":")
    if not colon:
        return _own(name)
    llm, _, dimensions = llm.partition("@") if name.rpartition("@")[2].isdigit() else (llm, "", "")
    configured, options = _configured()
    same = options if configured.partition(":")[0] == provider else {}
    return PydanticAIEmbedder(_endpoint(provider, llm, same), dimensions=int(dimensions) if dimensions else None)


def problem_of_settings() -> str | None:
    """Why AGENTS_APP["EMBEDDER"] cannot be used, as a sentence; None if it can, or is empty. Does no network I/O."""
    try:
        if embedder_name():
            configured_embedder()
    except EmbeddingError as error:
        return error.message
    return None


def _configured() -> tuple[str, Mapping[str, Any]]:
    given = conf.EMBEDDER
    if not given:
        return "", {}
    if isinstance(given, str):
        return _short(given), {}
    if not isinstance(given, Mapping) or not isinstance(given.get("embedder"), str):
        raise _wrong('it must be a string or a dictionary with the key "embedder".')
    if surplus := sorted(set(given) - set(KEYS)):
        raise _wrong(f"it has unknown keys {surplus}; it may have {', '.join(KEYS)}.")
    dimensions = given.get("dimensions")
    if dimensions is not None and (not isinstance(dimensions, int) or isinstance(dimensions, bool) or dimensions < 1):
        raise _wrong("dimensions must be a whole number above 0.")
    return _short(given["embedder"]), {key: value for key, value in given.items() if key != "embedder" and value}


def _short(name: str) -> str:
    if len(name) > NAME_LIMIT - len("@99999"):
        raise _wrong("the name is too long to be stored with every vector.")
    return name


def _endpoint(provider: str, llm: str, options: Mapping[str, Any]) -> Endpoint:
    if provider not in PROVIDERS or not llm:
        raise _wrong(f"there is no provider “{provider}” of embeddings; there are {', '.join(PROVIDERS)}.")
    given = {key: options[key] for key in ("base_url", "api_key") if key in options}
    return Endpoint(provider=provider, llm=llm, **given)


def _own(path: str) -> Embedder:
    try:
        made = import_string(path)()
    except ImportError as error:
        raise _wrong(f"{path} cannot be imported: {error}") from error
    if not isinstance(made, Embedder):
        raise _wrong(f"{path} has no method embed(texts, kind=…).")
    return made


def _wrong(why: str) -> EmbeddingError:
    return EmbeddingError(
        f'AGENTS_APP["EMBEDDER"]: {why} Write "openai:text-embedding-3-small" or the dotted path of a class.',
        code="misconfigured",
    )
