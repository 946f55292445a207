"""The hash chain of a run: each event's link covers the link before it, so that no event can be changed, left out or
put elsewhere without every later link being another.

An event's content, and the rows that were written with it, enter by digests that are salted with the run's own salt:
once the salt is gone nobody can find out by trying what was erased, and the chain holds still.
"""

import hashlib
import json
import os
import re
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

START = ""
"""In the place of a link before the first one."""

SALT_BYTES = 16
HASH_BYTES = 24

Bound = Sequence[Sequence[Any]]
"""Rows that an event binds: [table, key, digest], or [table, key, digest, {column: digest}] for references that are
emptied when what they refer to is deleted."""

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), check_circular=False)

_FRACTION = re.compile(r'(?:^|":|[\[,])-?\d+[.e]')
"""The beginning of a number that is not written as an integer: after a key's end, in a list, or by itself."""


def new_salt() -> str:
    """A salt for one run."""
    return _text(os.urandom(SALT_BYTES))


def digest_of(salt: str, kind: str, key: object, text: str) -> str:
    """The salted digest of one thing's text; kind and key say what it is."""
    return _hash(f"{salt}\n{kind}\n{key}\n{text}")


def link_of(before: str, *, run: object, sequence: int, type: str, at: str, data: str, bound: Bound) -> str:  # noqa: A002
    """An event's link. before: the link before it; data: the digest of its payload."""
    rows = _ENCODER.encode(bound) if bound else ""
    return _hash(f"{before}\n{run}\n{sequence}\n{type}\n{at}\n{data}\n{rows}")


def seal_of(before: str, *, number: int, at: str, lines: str, marks: Sequence[Any]) -> str:
    """An anchor's seal. before: the seal of the anchor before it; marks: what else of it must not change."""
    rest = _ENCODER.encode(marks)
    return _text(hashlib.sha256(f"{before}\n{number}\n{at}\n{rest}\n{lines}".encode()).digest())


def json_text(value: Any) -> str:
    """One text for one JSON value, also after a database has written its numbers its own way."""
    text = _ENCODER.encode(value)
    if _FRACTION.search(text):  # or what looks like one in a string
        return _ENCODER.encode(_plain(value))
    return text


def _plain(value: Any) -> Any:
    """PostgreSQL keeps numbers as decimals: a whole one comes back as an integer, whatever it was."""
    if isinstance(value, float):
        exact = Decimal(repr(value))
        return int(exact) if exact == exact.to_integral_value() else value
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _hash(text: str) -> str:
    """SHA-256/192: SHA-256 cut to 192 bits (NIST SP 800-208). A run writes some twenty of them; nobody finds two texts
    with the same one."""
    return _text(hashlib.sha256(text.encode()).digest()[:HASH_BYTES])


def _text(given: bytes) -> str:
    return urlsafe_b64encode(given).rstrip(b"=").decode()
