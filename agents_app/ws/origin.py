"""From where a browser may open a websocket: from our own pages, and those of CSRF_TRUSTED_ORIGINS."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import validate_host
from django.utils.http import is_same_domain

LOCAL = [".localhost", "127.0.0.1", "[::1]"]


def origin_allowed(scope: dict[str, Any]) -> bool:
    """As Django's protection against forged requests: a page of the same host, or a trusted one.

    A browser always names the origin; a client that does not is none and sends no cookies unasked.
    """
    origin = _header(scope, b"origin")
    if not origin:
        return True
    return _is_own(origin, _host(scope)) or _is_trusted(origin)


def _is_own(origin: str, host: str) -> bool:
    if not host or _netloc(origin) != host.lower():
        return False
    allowed = settings.ALLOWED_HOSTS or (LOCAL if settings.DEBUG else [])
    return validate_host(urlsplit(f"//{host}").hostname or "", allowed)


def _is_trusted(origin: str) -> bool:
    scheme, host = origin.partition("://")[0], _netloc(origin)
    for trusted in settings.CSRF_TRUSTED_ORIGINS:
        wanted_scheme, _, wanted = trusted.partition("://")
        if scheme == wanted_scheme and is_same_domain(host, wanted.lstrip("*")):
            return True
    return False


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _host(scope: dict[str, Any]) -> str:
    forwarded = _header(scope, b"x-forwarded-host") if settings.USE_X_FORWARDED_HOST else ""
    return forwarded or _header(scope, b"host")


def _header(scope: dict[str, Any], name: bytes) -> str:
    return next((value.decode("latin1") for key, value in scope["headers"] if key == name), "")
