"""The signature of a webhook: HMAC-SHA256 over the moment of signing and the body, under a key of both sides."""

import hmac
from collections.abc import Iterable

VERSION = "v1"
PURPOSE = b"agents_app.webhook.v1:"
"""So that what was signed for another purpose with the same key is of no use here."""


def sign_webhook(key: str, timestamp: int, body: bytes) -> str:
    """The value of the header Agents-Signature. timestamp: that of Agents-Timestamp, whole seconds since 1970."""
    message = PURPOSE + str(timestamp).encode() + b":" + body
    return f"{VERSION}={hmac.new(key.encode(), message, 'sha256').hexdigest()}"


def is_signed_webhook(keys: Iterable[str], timestamp: int, body: bytes, signature: str) -> bool:
    """Whether it was signed with one of the keys. Takes as long for a wrong signature as for a right one."""
    given = signature.encode()
    matches = [hmac.compare_digest(sign_webhook(key, timestamp, body).encode(), given) for key in keys]
    return any(matches)
