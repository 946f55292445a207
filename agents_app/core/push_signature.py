"""The signature of a pushed wake-up."""

from collections.abc import Iterable

from agents_app.core.signature import is_signature_of, signature_of

TIMESTAMP_HEADER = "Agents-Timestamp"
"""Whole seconds since 1970."""
SIGNATURE_HEADER = "Agents-Signature"

PURPOSE = b"agents_app.push.v1:"


def sign(key: str, timestamp: int, body: bytes) -> str:
    """The value of the header."""
    return signature_of(PURPOSE, key, timestamp, body)


def is_signed(keys: Iterable[str], timestamp: int, body: bytes, signature: str) -> bool:
    """Whether it was signed with one of the keys. Takes as long for a wrong signature as for a right one."""
    return is_signature_of(PURPOSE, keys, timestamp, body, signature)
