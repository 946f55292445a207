"""The language of a websocket's replies: what a page of the same browser would be in."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language_from_request

MIDDLEWARE = "django.middleware.locale.LocaleMiddleware"


def language_of(scope: dict[str, Any]) -> str:
    """By the browser's cookie and Accept-Language where pages go by them, else LANGUAGE_CODE."""
    if MIDDLEWARE not in settings.MIDDLEWARE:
        return settings.LANGUAGE_CODE
    request = HttpRequest()
    request.COOKIES = dict(scope.get("cookies") or {})
    asked = [value.decode("latin1") for name, value in scope.get("headers", ()) if name == b"accept-language"]
    request.META["HTTP_ACCEPT_LANGUAGE"] = ",".join(asked)
    return get_language_from_request(request)
