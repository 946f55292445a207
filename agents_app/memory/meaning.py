"""How near a fact is to a question: by vectors where there is an embedder, else by the words they share.

No transaction is open while an embedder is asked. What it has embedded once is kept with the fact.
"""

import logging
from collections.abc import Sequence

from agents_app.core.memory import overlap
from agents_app.core.vectors import cosine
from agents_app.exceptions import EmbeddingError
from agents_app.llm.embeddings import embed, embed_query, embedder_name
from agents_app.models import Fact

logger = logging.getLogger("agents_app.memory")

MOST_EMBEDDED = 200
"""Facts that are embedded for one question."""


def nearness(query: str, facts: Sequence[Fact]) -> tuple[list[float], str, str]:
    """How near each fact is to the question, from 0 to 1; by "vectors" or "words"; the code of what failed."""
    failed = ""
    name = embedder_name()
    if name and facts:
        try:
            return _by_vectors(name, query, facts), "vectors", ""
        except EmbeddingError as error:
            # A server that is down must not take what is known with it: the words are there.
            logger.warning("The embedder %s failed (%s); facts are compared by their words.", name, error.code)
            failed = error.code
    return [_by_words(query, fact) for fact in facts], "words", failed


def _by_vectors(name: str, query: str, facts: Sequence[Fact]) -> list[float]:
    asked = embed_query(query)
    stale = [fact for fact in facts if not _comparable(fact, name, asked)][:MOST_EMBEDDED]
    if stale:
        made = embed([fact.text for fact in stale])
        for fact, vector in zip(stale, made.vectors, strict=True):
            fact.vector, fact.embedder = vector, name
            Fact.objects.filter(pk=fact.pk, digest=fact.digest, forgotten_at=None).update(vector=vector, embedder=name)
    return [
        max(cosine(asked, bytes(fact.vector)), 0.0)
        if fact.vector is not None and _comparable(fact, name, asked)
        else _by_words(query, fact)
        for fact in facts
    ]


def _comparable(fact: Fact, name: str, asked: bytes) -> bool:
    """Whether its vector was made by the same embedder, which has not changed its dimension since."""
    return fact.vector is not None and fact.embedder == name and len(fact.vector) == len(asked)


def _by_words(query: str, fact: Fact) -> float:
    return overlap(query, f"{fact.key.replace('_', ' ')} {fact.text}")
