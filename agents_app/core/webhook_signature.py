"""The signature of a webhook."""

from collections.abc import Iterable

from agents_app.core.signature import is_signature_of, signature_of

PURPOSE = b"agents_app.webhook.v1:"


def sign_webhook(key: str, timestamp: int, body: bytes) -> str:
    """The value of the header Agents-Signature. timestamp: that of Agents-Timestamp, whole seconds since 1970."""
    return signature_of(PURPOSE, key, timestamp, body)


def is_signed_webhook(keys: Iterable[str], timestamp: int, body: bytes, signature: str) -> bool:
    """Whether it was signed with one of the keys. Takes as long for a wrong signature as for a right one."""
    return is_signature_of(PURPOSE, keys, timestamp, body, signature)
