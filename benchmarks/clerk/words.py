"""Texts whose words are as frequent as words are (few very often, most seldom: Zipf), and an embedder for them."""

import itertools
import random
import re
from collections.abc import Sequence
from functools import cache
from typing import Literal

import numpy
from numpy.typing import NDArray

VOCABULARY, DIMENSION, SEED = 30_000, 384, 5
_WORD = re.compile(r"\bw([0-9a-f]+)ord\b")


class Writer:
    """Writes the same texts in each process."""

    def __init__(self) -> None:
        self._chance = random.Random(SEED)
        self._words = [f"w{place:x}ord" for place in range(VOCABULARY)]
        self._weights = list(itertools.accumulate(1 / (place + 3) for place in range(VOCABULARY)))

    def words(self, count: int) -> str:
        """So many words."""
        return " ".join(self._chance.choices(self._words, cum_weights=self._weights, k=count))


class WordsEmbedder:
    """Each word has a direction of its own, and a text that of its words: texts with the same words are near."""

    def embed(self, texts: Sequence[str], *, kind: Literal["query", "document"]) -> list[list[float]]:
        """One vector for each text."""
        table = _directions()
        return [table[[int(word, 16) for word in _WORD.findall(text)] or [0]].sum(axis=0).tolist() for text in texts]


@cache
def _directions() -> NDArray[numpy.float32]:
    return numpy.random.default_rng(SEED).standard_normal((VOCABULARY, DIMENSION), dtype=numpy.float32)
