"""One's own retriever: where the passages of `Knowledge(retriever=…)` come from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True, kw_only=True, slots=True)
class Passage:
    """A text that may help to answer. id: what it is known by, without spaces; source: where it stands, as people read
    it; score: what it was ranked by."""

    id: str
    text: str
    source: str
    score: float = 0.0
    metadata: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class Retriever(Protocol):
    """Finds passages. Implement this one method; give `Knowledge` the class, an instance, or its dotted path."""

    def retrieve(self, query: str, *, user: Any, top_k: int) -> Sequence[Passage]:
        """At most `top_k` passages, best first.

        user: whose run it is, None for nobody's: give only what this person may see. It is called in a thread, without
        a transaction, and may take `Knowledge.timeout` seconds.
        """
        ...
