"""Reciprocal rank fusion: one list out of several whose scores cannot be compared.

G. V. Cormack, C. L. A. Clarke, S. Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning
Methods", SIGIR 2009: each list gives its members 1 / (k + rank), with k = 60.
"""

from collections.abc import Iterable, Sequence

K = 60


def fused(lists: Iterable[Sequence[int]]) -> list[tuple[int, float]]:
    """The members of all lists with the sums of what each list gives them, best first; equals by id."""
    scores: dict[int, float] = {}
    for ranked in lists:
        for rank, member in enumerate(ranked, start=1):
            scores[member] = scores.get(member, 0.0) + 1 / (K + rank)
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))
