"""`Idempotency-Key`: a POST that is repeated with the same key acts once and gets the same answer.

The key is reserved first (so that a second request that comes meanwhile is told so), and the answer is stored in the
transaction of the command. Only success is stored: what failed may be sent again with the same key.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext
from rest_framework.response import Response

from agents_app.conf import conf
from agents_app.exceptions import IdempotencyConflict, InvalidInput, WrongState
from agents_app.models import StoredResponse
from agents_app.selectors.presentation import JSONObject

HEADER = "Idempotency-Key"
KEY_LIMIT = 200
ABANDONED_AFTER = timedelta(seconds=60)
"""A reservation this old is of a process that died; commands take milliseconds."""


class InProgress(WrongState):
    """A request with this idempotency key is being worked on; ask again in a moment."""

    code = "idempotency_in_progress"


def once(
    request: Any, status: int, act: Callable[[], JSONObject], *, keep: Callable[[JSONObject], JSONObject] | None = None
) -> Response:
    """The answer to a command, acting at most once per user and key. Without the header it simply acts.

    keep: what is stored of the answer, and given to a repeated request: sensitive arguments are never stored in plain.
    Raises IdempotencyConflict, InProgress, and whatever the command raises.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return Response(act(), status=status)
    if not 1 <= len(key) <= KEY_LIMIT or not key.isprintable():
        raise InvalidInput(gettext("An idempotency key has 1 to %(most)s printable characters.") % {"most": KEY_LIMIT})
    place = _reserve(str(request.user.pk), key, _fingerprint(request))
    if place.http_status is not None:
        return Response(place.body, status=place.http_status, headers={"Idempotency-Replayed": "true"})
    return Response(_act(place, status, act, keep), status=status)


def _fingerprint(request: Any) -> str:
    """Of what the request wants: the query says only how long to wait for the answer."""
    body = json.dumps(request.data, sort_keys=True)
    return hashlib.sha256(f"{request.method} {request.path} {body}".encode()).hexdigest()


def _reserve(principal: str, key: str, fingerprint: str) -> StoredResponse:
    """Our reservation, or the stored answer of an earlier request."""
    try:
        with transaction.atomic(using=conf.DATABASE):
            return StoredResponse.objects.create(principal=principal, key=key, fingerprint=fingerprint)
    except IntegrityError:
        known = StoredResponse.objects.filter(principal=principal, key=key).first()
    if known is None:
        # It was given up between our two statements.
        raise InProgress()
    if known.fingerprint != fingerprint:
        raise IdempotencyConflict(gettext("This idempotency key was used before for another request."))
    return known if known.http_status is not None else _take_over(known)


def _take_over(known: StoredResponse) -> StoredResponse:
    now = timezone.now()
    if known.created_at > now - ABANDONED_AFTER:
        raise InProgress()
    if not _open(known).update(created_at=now):
        raise InProgress()
    known.created_at = now
    return known


def _act(
    place: StoredResponse,
    status: int,
    act: Callable[[], JSONObject],
    keep: Callable[[JSONObject], JSONObject] | None,
) -> JSONObject:
    try:
        with transaction.atomic(using=conf.DATABASE):
            body = act()
            if not _open(place).update(http_status=status, body=keep(body) if keep else body):
                raise InProgress()
            return body
    except BaseException:
        _open(place).delete()
        raise


def _open(place: StoredResponse) -> Any:
    """This very reservation, as long as nobody has answered it or taken it over."""
    return StoredResponse.objects.filter(pk=place.pk, http_status=None, created_at=place.created_at)
