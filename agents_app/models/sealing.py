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


UNKNOWN_KEY = ""
"""In place of a key's name: no key of the settings opens the text."""


def name_of_key(key: str) -> str:
    """How archives name a key. It says nothing about the key."""
    return hashlib.sha256(b"agents_app key name:" + _bytes_of(key)).hexdigest()[:8]


def known_keys() -> list[str]:
    """The names of the keys in the settings, the one that seals first."""
    return [name_of_key(key) for key in conf.ENCRYPTION_KEYS]


def key_of(sealed: str) -> str:
    """The name of the key that opens this text, UNKNOWN_KEY if none does."""
    for key in conf.ENCRYPTION_KEYS:
        try:
            _one(key).decrypt(sealed.encode())
        except InvalidToken:
            continue
        return name_of_key(key)
    return UNKNOWN_KEY


def _bytes_of(key: str) -> bytes:
    # Any string serves as a key: Fernet wants 32 bytes, so it is hashed first.
    return hashlib.sha256(key.encode()).digest()


def _one(key: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(_bytes_of(key)))


def _fernet() -> MultiFernet:
    if not conf.ENCRYPTION_KEYS:
        raise ImproperlyConfigured(
            'Sensitive arguments need AGENTS_APP["ENCRYPTION_KEYS"]: a list of secrets, the newest first.'
        )
    return MultiFernet([_one(key) for key in conf.ENCRYPTION_KEYS])


def seal(text: str) -> str:
    """Encrypt. Raises ImproperlyConfigured without a key."""
    return _fernet().encrypt(text.encode()).decode("ascii")


def unseal(sealed: str) -> str:
    """Decrypt. Raises ImproperlyConfigured if no key opens it."""
    try:
        return _fernet().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise ImproperlyConfigured('No key of AGENTS_APP["ENCRYPTION_KEYS"] opens this sealed text.') from error
