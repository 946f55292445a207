"""What an agent's knowledge finds for a question: by the search of this app, or by a retriever of one's own."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.module_loading import import_string

from agents_app.core.canonical import clean_text
from agents_app.core.events import EventType
from agents_app.definitions.knowledge import Knowledge
from agents_app.definitions.retrieval import Passage, Retriever
from agents_app.exceptions import AgentsError
from agents_app.knowledge.search import Hit, search

QUERY_TOLD = 200
"""Characters of a question that its event tells."""
LONGEST_PASSAGE = 8_000
LONGEST_SOURCE = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Retrieved:
    """The passages, what the event tells of the search, and which collections were searched: those that this person
    sees, of a retriever none."""

    passages: tuple[Passage, ...]
    told: dict[str, Any]
    collections: tuple[str, ...] = ()


def retrieve(knowledge: Knowledge, query: str, user: Any, *, top_k: int | None = None) -> Retrieved:
    """Passages that this person may see. Raises what the search or the retriever raises."""
    began = time.monotonic()
    count = top_k or knowledge.top_k
    searched: tuple[str, ...] = ()
    mode, error = "retriever", None
    if knowledge.retriever is not None:
        given = _retriever(knowledge.retriever).retrieve(query, user=user, top_k=count)
        passages = [_checked(each) for each in list(given)[:count]]
    else:
        found = search(
            query, knowledge.collections, user=user, top_k=count, mode=knowledge.search, filters=knowledge.filters
        )
        passages, mode, error = [passage_of(hit) for hit in found], found.mode, found.error
        searched = found.collections
    told = {
        "query": clean_text(query)[0][:QUERY_TOLD],
        "collections": searched,
        "ids": tuple(each.id for each in passages),
        "scores": tuple(round(float(each.score), 6) for each in passages),
        "mode": mode,
        "seconds": round(time.monotonic() - began, 3),
        "error": error,
    }
    return Retrieved(passages=tuple(passages), told=told, collections=searched)


def passage_of(hit: Hit) -> Passage:
    """A hit of the search as a passage."""
    return Passage(id=str(hit.id), text=hit.text, source=one_line(hit.source), score=hit.score, metadata=hit.metadata)


def user_of(user_id: Any, users: Any) -> Any:
    """The run's user; nobody where there is none any more."""
    return users.filter(pk=user_id).first() if user_id is not None else None


EVENT = EventType.RETRIEVAL_COMPLETED


def _retriever(given: Any) -> Retriever:
    made = import_string(given) if isinstance(given, str) else given
    made = made() if isinstance(made, type) else made
    if not isinstance(made, Retriever):
        message = f"The retriever {type(made).__name__} has no method retrieve(query, user=…, top_k=…)."
        raise AgentsError(message, code="invalid_retriever")
    return made


def _checked(passage: Any) -> Passage:
    if not isinstance(passage, Passage):
        message = f"A retriever gives objects of agents_app.Passage, not {type(passage).__name__}."
        raise AgentsError(message, code="invalid_retriever")
    return Passage(
        id="_".join(clean_text(passage.id)[0].split())[:100] or "passage",
        text=clean_text(passage.text)[0][:LONGEST_PASSAGE],
        source=one_line(passage.source),
        score=passage.score,
        metadata=passage.metadata,
    )


def one_line(source: str) -> str:
    """A source as it is told: in one line."""
    return " ".join(clean_text(source)[0].split())[:LONGEST_SOURCE]


def numbered(passages: Sequence[Passage], first: int) -> str:
    """The passages as the LLM reads them, each under the number by which it is cited."""
    return "\n\n".join(
        f"[{number}] {one_line(each.source)}\n{each.text.strip()}" for number, each in enumerate(passages, start=first)
    )
