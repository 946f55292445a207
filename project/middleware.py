"""Content Security Policy for the demo. Django 6.0 brings a middleware for it; the demo also runs on 5.2."""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

POLICY = "default-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"


@sync_and_async_middleware
def content_security_policy(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Scripts, styles and connections from our own origin only: no inline code, no CDN."""
    if iscoroutinefunction(get_response):
        return _awaited(get_response)

    def respond(request: HttpRequest) -> HttpResponseBase:
        return _with_policy(get_response(request))

    return respond


def _awaited(
    get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]],
) -> Callable[[HttpRequest], Awaitable[HttpResponseBase]]:
    async def respond(request: HttpRequest) -> HttpResponseBase:
        return _with_policy(await get_response(request))

    return respond


def _with_policy(response: HttpResponseBase) -> HttpResponseBase:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    return response
