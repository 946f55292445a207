"""What a page that is open asks for again and again: its parts, if they have changed."""

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest, JsonResponse


def news(
    request: HttpRequest, known: str, parts: Callable[[], Mapping[str, str]], *, ended: bool, **more: Any
) -> JsonResponse:
    """The parts as they are now, by their names; none if they are those of `?known=`. ended: nothing changes any more.

    known: what tells one state of the page from another. It is made first, and cheaply: a page that is looked at asks
    again and again, and what comes between is news anew.
    """
    same = request.GET.get("known") == known
    return JsonResponse({"known": known, "ended": ended, "parts": {} if same else dict(parts()), **more})
