"""Encryption of sensitive arguments at rest, with the keys of AGENTS_APP["ENCRYPTION_KEYS"].

Fernet (AES-128-CBC with HMAC-SHA-256) from the `cryptography` package. The first key encrypts, every key decrypts,
so a key is rotated by putting the new one in front.
"""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.core.exceptions import ImproperlyConfigured

from agents_app.conf import conf

HIDDEN = "***"


def _fernet() -> MultiFernet:
    if not conf.ENCRYPTION_KEYS:
        raise ImproperlyConfigured(
            'Sensitive arguments need AGENTS_APP["ENCRYPTION_KEYS"]: a list of secrets, the newest first.'
        )
    # Any string serves as a key: Fernet wants 32 bytes, so it is hashed first.
    keys = [base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()) for key in conf.ENCRYPTION_KEYS]
    return MultiFernet([Fernet(key) for key in keys])


def seal(text: str) -> str:
    """Encrypt. Raises ImproperlyConfigured without a key."""
    return _fernet().encrypt(text.encode()).decode("ascii")


def unseal(sealed: str) -> str:
    """Decrypt. Raises ImproperlyConfigured if no key opens it."""
    try:
        return _fernet().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise ImproperlyConfigured('No key of AGENTS_APP["ENCRYPTION_KEYS"] opens this sealed text.') from error
