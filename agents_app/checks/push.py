"""Settings of pushed wake-ups, found at start-up. Nothing is said where nobody pushes and nothing is received."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning

from agents_app.conf import conf

LEAST_CHARACTERS = 32
LOOPBACK = ("localhost", "127.0.0.1", "::1")
MAKE_ONE = "Make one: python -c 'import secrets; print(secrets.token_urlsafe(32))'."


@register
def check_push(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Where to, and with which keys."""
    return [*_address(), *_keys()]


def _address() -> Iterator[CheckMessage]:
    parts = urlsplit(conf.PUSH_URL)
    if conf.EXECUTOR == "http_push" and not (parts.scheme in ("http", "https") and parts.hostname):
        message = f'The executor is http_push, and AGENTS_APP["PUSH_URL"] is {conf.PUSH_URL!r}.'
        hint = 'Set it to where "agents_app.urls" is included, and push/: "https://agents.example.com/api/push/".'
        yield Error(message, hint=hint, id="agents_app.E140")
    elif parts.scheme == "http" and parts.hostname not in LOOPBACK:
        message = 'AGENTS_APP["PUSH_URL"] is not encrypted: whoever listens can send the same wake-up again.'
        yield CheckWarning(message, hint="Use https.", id="agents_app.W140")


def _keys() -> Iterator[CheckMessage]:
    if conf.EXECUTOR == "http_push" and not conf.PUSH_KEYS:
        message = 'The executor is http_push, and AGENTS_APP["PUSH_KEYS"] has no key to sign with.'
        yield Error(message, hint=MAKE_ONE, id="agents_app.E141")
    if any(not isinstance(key, str) or len(key) < LEAST_CHARACTERS for key in conf.PUSH_KEYS):
        message = f'A key in AGENTS_APP["PUSH_KEYS"] is shorter than {LEAST_CHARACTERS} characters.'
        yield Error(message, hint=MAKE_ONE, id="agents_app.E142")
