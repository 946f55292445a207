"""The port to embedders: texts in, stored vectors out, in batches. pydantic-ai is not imported until it is called."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext, gettext_noop

from agents_app.conf import conf
from agents_app.core.canonical import clean_text
from agents_app.core.told import Told
from agents_app.core.vectors import dimension, pack
from agents_app.exceptions import EmbeddingError
from agents_app.llm.embedders import Embedder, Kind, configured_embedder, embedder_name
from agents_app.llm.pydantic_ai_embedder import embedding_error

__all__ = ["Embedded", "embed", "embed_batches", "embed_query", "embedder_name"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Embedded:
    """Vectors, packed as they are stored, and whose they are."""

    embedder: str
    vectors: tuple[bytes, ...]

    @property
    def dimension(self) -> int:
        """How many numbers each vector has; 0 if there is none."""
        return dimension(self.vectors[0]) if self.vectors else 0


def embed_batches(
    texts: Sequence[str], *, kind: Kind = "document", dimension: int | None = None, embedder: Embedder | None = None
) -> Iterator[Embedded]:
    """The vectors of the texts, `EMBEDDING_BATCH` at a time: what came before a failure can be kept.

    `dimension` is what the vectors must have that these are searched with, None if there are none yet. Raises
    EmbeddingError: the embedder's own errors, `invalid_reply`, or `dimension_changed`.
    """
    chosen = embedder or configured_embedder()
    name = embedder_name()
    for start in range(0, len(texts), conf.EMBEDDING_BATCH):
        batch = texts[start : start + conf.EMBEDDING_BATCH]
        vectors = _vectors(chosen, batch, kind)
        dimension = same_dimension(vectors, dimension)
        yield Embedded(embedder=name, vectors=vectors)


def embed(
    texts: Sequence[str], *, kind: Kind = "document", dimension: int | None = None, embedder: Embedder | None = None
) -> Embedded:
    """All vectors of the texts at once; see `embed_batches`."""
    batches = list(embed_batches(texts, kind=kind, dimension=dimension, embedder=embedder))
    name = batches[0].embedder if batches else embedder_name()
    return Embedded(embedder=name, vectors=tuple(vector for batch in batches for vector in batch.vectors))


def embed_query(text: str, *, dimension: int | None = None) -> bytes:
    """The vector of one question. Raises EmbeddingError."""
    return embed([text], kind="query", dimension=dimension).vectors[0]


def _vectors(embedder: Embedder, texts: Sequence[str], kind: Kind) -> tuple[bytes, ...]:
    failure: Exception
    try:
        replied = list(embedder.embed(list(texts), kind=kind))
        if len(replied) != len(texts):
            made = {"made": len(replied), "texts": len(texts)}
            raise _unusable(gettext_noop("It made %(made)s vectors of %(texts)s texts."), made)
        return tuple(_packed(numbers) for numbers in replied)
    except Exception as error:
        failure = error
    raise embedding_error(failure)


def _packed(numbers: Sequence[float]) -> bytes:
    try:
        return pack(numbers)
    except (TypeError, ValueError, OverflowError) as error:
        text = gettext_noop("It made a vector that is none: %(error)s")
        raise _unusable(text, {"error": clean_text(str(error))[0]}) from error


def same_dimension(vectors: Sequence[bytes], expected: int | None) -> int | None:
    """How many numbers each of them has. Raises EmbeddingError if they are not all `expected`; None for any."""
    for vector in vectors:
        if expected is not None and dimension(vector) != expected:
            text = gettext_noop(
                "The embedder made a vector of %(made)s numbers where %(wanted)s are searched. Vectors of different "
                "lengths cannot be compared: give the embedder that now answers another name in "
                'AGENTS_APP["EMBEDDER"], and the collections are embedded anew beside the old vectors.'
            )
            made = {"made": dimension(vector), "wanted": expected}
            raise EmbeddingError(_told(text, made), code="dimension_changed")
        expected = dimension(vector)
    return expected


def _unusable(text: str, values: dict[str, Any]) -> EmbeddingError:
    return EmbeddingError(_told(text, values), code="invalid_reply", transient=True)


def _told(text: str, values: dict[str, Any]) -> Told:
    """It may be stored, and read in another language."""
    return Told(gettext(text) % values, text, values)
