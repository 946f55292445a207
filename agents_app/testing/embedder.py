"""An embedder for tests, which needs no server: the same text gives the same vector everywhere."""

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal
from zlib import crc32

DIMENSION = 256
LONGEST_GRAM = 4
WORD_WEIGHT = 2.0


class HashingEmbedder:
    """Vectors of hashed words and of the pieces of words that they share.

    It compares spelling, and knows nothing of meaning: "refund" is near "refunds" and far from "money back". What a
    test with it shows is that vectors are made, stored, searched and fused as they should be, not how good a real
    embedder would be. Name it in AGENTS_APP["EMBEDDER"]: "agents_app.testing.embedder.HashingEmbedder".
    """

    def embed(self, texts: Sequence[str], *, kind: Literal["query", "document"]) -> list[list[float]]:
        """One vector for each text; questions and documents are treated alike."""
        return [vector(text) for text in texts]


def vector(text: str) -> list[float]:
    """The vector of a text. Words that come again count less each time; a text without words has a vector too."""
    counts: dict[str, int] = {}
    for word in re.findall(r"\w+", text.lower()):
        counts[word] = counts.get(word, 0) + 1
    numbers = [0.0] * DIMENSION
    for word, count in counts.items():
        weight = 1.0 + math.log(count)
        for place, sign in _places(word):
            numbers[place] += weight * sign
    if not any(numbers):
        numbers[0] = 1.0
    return numbers


@lru_cache(maxsize=100_000)
def _places(word: str) -> tuple[tuple[int, float], ...]:
    """Which numbers a word changes, and by how much: itself and its pieces, all words together weighing as much."""
    padded = f" {word} "
    grams = {padded[at : at + LONGEST_GRAM] for at in range(max(1, len(padded) - LONGEST_GRAM + 1))}
    share = 1.0 / math.sqrt(len(grams))
    return (_place(word, WORD_WEIGHT), *(_place(f"#{gram}", share) for gram in sorted(grams)))


def _place(text: str, weight: float) -> tuple[int, float]:
    hashed = crc32(text.encode())
    return hashed % DIMENSION, weight if hashed >> 31 else -weight
