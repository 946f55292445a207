"""The search: what a person sees of the collections, by words and by vectors, in one list."""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from django.db.models import BigIntegerField, QuerySet
from django.utils.translation import gettext, gettext_lazy

from agents_app.exceptions import EmbeddingError, InvalidInput
from agents_app.knowledge.models import Chunk
from agents_app.knowledge.search.asked import Asked, asked
from agents_app.knowledge.search.found import Found, Hit
from agents_app.knowledge.search.fusing import fused
from agents_app.knowledge.search.scope import Scope, scope_of, seen_among
from agents_app.knowledge.search.vectors import Near, by_vector
from agents_app.knowledge.search.words import Ranked, by_words, words_in
from agents_app.knowledge.vectors import dimension_of
from agents_app.llm.embedders import embedder_name, named_embedder
from agents_app.llm.embeddings import embed, same_dimension
from agents_app.models import Bound, Prepared

logger = logging.getLogger("agents_app.knowledge")

Mode = Literal["fused", "text", "vectors"]
MODES = ("fused", "text", "vectors")
MOST = 100
"""Passages that one search gives at most."""
TRIES = 3
"""Looks at what is found, if some of it goes meanwhile: its document has a new version, which is found then."""
DEPTH = 4
"""From each list the first so many times as many are fused as are asked for."""

CUT = gettext_lazy("The question is long: only its beginning was searched for.")
NO_VECTORS = gettext_lazy(
    'No vectors are searched here: full text only. Set AGENTS_APP["EMBEDDER"] for a search by meaning.'
)
NO_EMBEDDER = gettext_lazy("The question could not be turned into a vector (%(code)s): full text only.")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Lists:
    """read: the passages that came along with what was ranked."""

    words: Ranked = ()  # type: ignore[assignment]
    vectors: Ranked = ()  # type: ignore[assignment]
    read: Mapping[int, Hit] = field(default_factory=dict)
    mode: str = ""
    notes: tuple[str, ...] = ()
    error: str | None = None


def search(
    query: str,
    collections: Sequence[str] | str,
    *,
    user: Any,
    top_k: int = 5,
    mode: Mode = "fused",
    filters: Mapping[str, Any] | None = None,
    explain: bool = False,
) -> Found:
    """Passages of these collections that answer the question, best first.

    user: whose eyes are used; None is nobody, who sees what is public. What this person may not see is not searched,
    and a collection they do not see is as one that does not exist. mode: "text", "vectors", or both "fused"; where
    there are no vectors, or the embedder is down, "fused" is full text alone, and `notes` says so. filters: what the
    documents' metadata must say, {"lang": "en", "year": [2024, 2025]}. explain: also which words were found in each.

    Raises InvalidInput, and EmbeddingError where only vectors were asked for.
    """
    began = time.monotonic()
    names = [collections] if isinstance(collections, str) else list(collections)
    _check(mode, top_k)
    question = asked(query)
    seen = seen_among(names, user)
    embedders = seen.embedders
    scope = scope_of(seen, filters or {}) if embedders and question.text else None
    found = Found(collections=tuple(embedders), notes=(str(CUT),) if question.cut else ())
    if scope is not None:
        for _ in range(TRIES):
            lists = _lists(question, scope, mode, top_k, _asked_of(embedders.values()))
            hits, whole = _hits(question, lists, top_k, explain)
            if whole:
                break
        found = replace(
            found,
            hits=hits,
            mode=lists.mode,
            notes=(*found.notes, *lists.notes),
            error=lists.error,
        )
    return replace(found, seconds=round(time.monotonic() - began, 4))


def _asked_of(embedders: Iterable[str]) -> set[str]:
    """The embedders that are asked for the question's vector: those whose vectors are searched, be it until another's
    are all there. Where the settings name none, no question goes to one, whatever vectors are left of it."""
    return {name for name in embedders if name} if embedder_name() else set()


def _check(mode: str, top_k: int) -> None:
    if mode not in MODES:
        raise InvalidInput(gettext("A search is one of: %(choices)s.") % {"choices": ", ".join(MODES)})
    if not isinstance(top_k, int) or isinstance(top_k, bool) or not 0 < top_k <= MOST:
        raise InvalidInput(gettext("A search gives 1 to %(limit)s passages.") % {"limit": MOST})


def _lists(question: Asked, scope: Scope, mode: str, top_k: int, embedders: set[str]) -> _Lists:
    limit = top_k if mode != "fused" else max(DEPTH * top_k, 20)
    if mode == "text":
        return _Lists(words=by_words(question, scope, limit), mode="text")
    if not embedders:
        words = by_words(question, scope, limit) if mode == "fused" else []
        return _Lists(words=words, mode="text" if mode == "fused" else "", notes=(str(NO_VECTORS),))
    try:
        near = _by_vectors(question, scope, limit, embedders)
    except EmbeddingError as error:
        if mode == "vectors":
            raise
        logger.warning("A question could not be turned into a vector: %s", error.message)
        words = by_words(question, scope, limit)
        return _Lists(words=words, mode="text", notes=(NO_EMBEDDER % {"code": error.code},), error=error.code)
    words = by_words(question, scope, limit) if mode == "fused" else []
    return _Lists(words=words, vectors=near.ranked, read=near.read, mode=mode)


def _by_vectors(question: Asked, scope: Scope, limit: int, embedders: set[str]) -> Near:
    """Each collection by the embedder of its vectors; cosines of different embedders are merged by rank."""
    lists = []
    for name in sorted(embedders):
        vector = embed([question.text], kind="query", embedder=named_embedder(name)).vectors[0]
        near = by_vector(vector, name, scope, limit)
        if not near.ranked:  # asked only now: where something was found it could be compared
            same_dimension([vector], dimension_of(name))
        lists.append(near)
    if len(lists) == 1:
        return lists[0]
    cosines = {row: score for near in lists for row, score in near.ranked}
    best = fused([[row for row, _ in near.ranked] for near in lists])[:limit]
    read = {row: hit for near in lists for row, hit in near.read.items()}
    return Near(ranked=[(row, cosines[row]) for row, _ in best], read=read)


def _hits(question: Asked, lists: _Lists, top_k: int, explain: bool) -> tuple[tuple[Hit, ...], bool]:
    """The passages, and whether all of them were still there."""
    words, vectors = dict(lists.words), dict(lists.vectors)
    if lists.mode == "fused":
        best = fused([list(words), list(vectors)])[:top_k]
    else:
        best = list((lists.vectors if lists.mode == "vectors" else lists.words)[:top_k])
    ids = [row for row, _ in best]
    ranks = [{row: rank for rank, row in enumerate(ranked, start=1)} for ranked in (words, vectors)]
    matched = words_in(question, ids) if explain else {}
    # They may have gone since: a new version of their document is there.
    read = {**lists.read, **_passages([row for row in ids if row not in lists.read])}
    hits = tuple(
        replace(
            read[row],
            score=score,
            text_rank=ranks[0].get(row),
            text_score=words.get(row),
            vector_rank=ranks[1].get(row),
            vector_score=vectors.get(row),
            words=matched.get(row, ()),
        )
        for row, score in best
        if row in read
    )
    return hits, len(hits) == len(best)


def _passages(ids: Sequence[int]) -> dict[int, Hit]:
    rows = _of_ids(len(ids), **{f"id{place}": row for place, row in enumerate(ids)}) if ids else []
    return {chunk.pk: _hit(chunk) for chunk in rows}


def _shown(count: int) -> "QuerySet[Chunk]":
    rows = Chunk.objects.select_related("document", "collection").only(
        "text", "heading", "page", "metadata", "document__key", "document__title", "collection__name"
    )
    return rows.filter(pk__in=[Bound(f"id{place}", BigIntegerField()) for place in range(count)])


_of_ids = Prepared(_shown)
"""To compile this takes longer than an index takes to find what is nearest."""


def _hit(chunk: Chunk) -> Hit:
    document = chunk.document
    return Hit(
        id=chunk.pk,
        document_id=document.pk,
        collection=chunk.collection.name,
        key=document.key,
        title=document.title,
        heading=chunk.heading,
        text=chunk.text,
        page=chunk.page,
        metadata=chunk.metadata,
    )
