"""Receives pushed wake-ups: from the executor `http_push`, or from any queue that calls an address.

The signature is all the authentication there is; it allows nothing but to look at a run now, which is safe at any time.
Whatever is wrong with a request is answered alike.
"""

import json
import threading
import time
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from agents_app.conf import conf
from agents_app.core.push_signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, is_signed

CONTINUE = "agents_app.tasks.continue_alone"
MOST_BYTES = 1000
DIGITS = 12

_room = threading.BoundedSemaphore(32)
"""Runs that this process drives beside its requests; more are refused, and come again by the sweep."""


@csrf_exempt  # no cookie is looked at
@login_not_required
@never_cache
@require_POST
def push(request: HttpRequest) -> HttpResponse:
    """Drive the run for at most PUSH_SECONDS, then answer 204; with `Prefer: respond-async` answer 202 before.

    403: not signed by us, or too long ago. 400: signed, and no run's id in it. 503: too much at once. 404: no key.
    """
    if not conf.PUSH_KEYS:
        return HttpResponse(status=404)
    if not _is_ours(request):
        return HttpResponse(status=403)
    run_id = _run_id(request.body)
    if run_id is None:
        return HttpResponse(status=400)
    if "respond-async" in request.headers.get("Prefer", ""):
        return HttpResponse(status=202 if _begin(run_id) else 503)
    _drive(run_id)
    return HttpResponse(status=204)


# A run is driven in transactions of its own, also where ATOMIC_REQUESTS is on.
for _alias in {"default", conf.DATABASE}:
    push = transaction.non_atomic_requests(using=_alias)(push)


def _is_ours(request: HttpRequest) -> bool:
    length, timestamp = request.headers.get("Content-Length", ""), request.headers.get(TIMESTAMP_HEADER, "")
    if not (_is_number(length) and int(length) <= MOST_BYTES and _is_number(timestamp)):
        return False
    signed = is_signed(conf.PUSH_KEYS, int(timestamp), request.body, request.headers.get(SIGNATURE_HEADER, ""))
    return signed and abs(time.time() - int(timestamp)) <= conf.PUSH_AGE_SECONDS


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= DIGITS


def _run_id(body: bytes) -> UUID | None:
    try:
        said: Any = json.loads(body)
        return UUID(said["run_id"]) if set(said) == {"run_id"} else None
    except (ValueError, TypeError, AttributeError, KeyError):
        return None


def _begin(run_id: UUID) -> bool:
    """Drive it beside the requests, if there is room."""
    if not _room.acquire(blocking=False):
        return False
    threading.Thread(target=_drive_and_make_room, args=(run_id,), name="agents-push", daemon=True).start()
    return True


def _drive_and_make_room(run_id: UUID) -> None:
    try:
        _drive(run_id)
    finally:
        _room.release()


def _drive(run_id: UUID) -> None:
    import_string(CONTINUE)(str(run_id), conf.PUSH_SECONDS)
