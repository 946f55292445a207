"""`Knowledge`: which collections an agent may look up, and how."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from agents_app.core.canonical import canonical_text
from agents_app.definitions.memory import OnError
from agents_app.definitions.options import is_count, is_duration

KNOWLEDGE_APP = "agents_app.knowledge"
"""An app of its own, that need not be installed."""
MODES = ("auto", "tool", "both")
SEARCHES = ("fused", "text", "vectors")


@dataclass(frozen=True, init=False, slots=True)
class Knowledge:
    """Collections of documents that an agent may look up: `knowledge = Knowledge("handbook", top_k=5)`.

    mode: "auto" searches before the first LLM call and puts what is found into the prompt, "tool" gives the LLM a tool
    to search with, "both" does both. search: by words, by vectors, or both fused. filters: what the documents' metadata
    must say. retriever: one's own, in place of the search. on_error: what becomes of a run whose search fails or takes
    longer than `timeout` seconds: it goes on without, or it fails. Nothing is checked before it is used: `problems`
    says what is wrong with it.
    """

    collections: tuple[str, ...]
    top_k: int
    mode: Literal["auto", "tool", "both"]
    search: Literal["fused", "text", "vectors"]
    filters: Mapping[str, Any]
    retriever: Any
    on_error: OnError
    timeout: float

    def __init__(
        self,
        *collections: str,
        top_k: int = 5,
        mode: Literal["auto", "tool", "both"] = "auto",
        search: Literal["fused", "text", "vectors"] = "fused",
        filters: Mapping[str, Any] | None = None,
        retriever: Any = None,
        on_error: OnError = "continue",
        timeout: float = 10.0,
    ) -> None:
        given = {
            "collections": collections,
            "top_k": top_k,
            "mode": mode,
            "search": search,
            "filters": {} if filters is None else filters,
            "retriever": retriever,
            "on_error": on_error,
            "timeout": timeout,
        }
        for name, value in given.items():
            object.__setattr__(self, name, value)

    def problems(self) -> list[str]:
        """What is wrong, each a sentence; empty if nothing is."""
        named = bool(self.collections) and all(isinstance(each, str) and each.strip() for each in self.collections)
        rules = {
            'It names its collections: Knowledge("handbook").': named or self.retriever is not None,
            "`top_k` is a whole number above 0.": is_count(self.top_k) and self.top_k > 0,
            f"`mode` is one of: {', '.join(MODES)}.": self.mode in MODES,
            f"`search` is one of: {', '.join(SEARCHES)}.": self.search in SEARCHES,
            "`filters` is a dictionary of JSON values.": _is_json(self.filters),
            '`on_error` is "continue" or "fail".': self.on_error in ("continue", "fail"),
            "`timeout` is a number of seconds above 0.": is_duration(self.timeout),
        }
        return [text for text, right in rules.items() if not right]

    def as_json(self) -> dict[str, Any]:
        """What the hash of an agent's definition holds of it."""
        kind = self.retriever if isinstance(self.retriever, type) else type(self.retriever)
        own = None if self.retriever is None else f"{kind.__module__}.{kind.__qualname__}"
        return {
            "collections": list(self.collections),
            "top_k": self.top_k,
            "mode": self.mode,
            "search": self.search,
            "filters": dict(self.filters),
            "retriever": self.retriever if isinstance(self.retriever, str) else own,
            "on_error": self.on_error,
            "timeout": float(self.timeout),
        }


def _is_json(value: Any) -> bool:
    try:
        return isinstance(value, Mapping) and bool(canonical_text(value))
    except (ValueError, TypeError, RecursionError):
        return False
