"""A run's events as server-sent events: the frames of the websocket, for clients that speak HTTP alone."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_not_required
from django.core.handlers.wsgi import WSGIRequest
from django.db import Error as DatabaseError
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.utils.module_loading import import_string
from django.utils.translation import gettext
from django.views.decorators.csrf import csrf_exempt
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException, AuthenticationFailed, MethodNotAllowed, NotAuthenticated
from rest_framework.request import Request
from rest_framework.settings import api_settings

from agents_app.api.errors import answer_to
from agents_app.conf import conf
from agents_app.exceptions import AgentsError, InvalidInput, NotFound
from agents_app.live.database import in_database
from agents_app.live.feed import Feed
from agents_app.live.frames import DeltaFrame, EventFrame, Frame, HelloFrame
from agents_app.live.logins import read_again, session_of
from agents_app.live.tail import tail
from agents_app.models import AgentContext
from agents_app.selectors.archives import run_seen_by
from agents_app.selectors.people import may_view_transcript, visible_runs
from agents_app.selectors.runs import events_after, one_of

HEARTBEAT_SECONDS = 15.0
RECHECK_SECONDS = 30.0
WSGI_SECONDS = 25.0
"""Under WSGI a stream holds a thread: it ends after so long, and the client resumes."""
RETRY = "retry: 1000\n\n"
HEARTBEAT = ": heartbeat\n\n"
SEQUENCE_LIMIT = 2**63


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stream:
    """One client's stream of one run. session: the key of the session that the login rests on, if it does."""

    context: AgentContext
    user: Any
    session: str | None
    after: int

    def feed(self) -> Feed:
        context = self.context
        deltas = may_view_transcript(self.user, context)
        return Feed(context.pk, after=self.after, version=context.version, deltas=deltas)

    def hello(self) -> str:
        context = self.context
        after = min(self.after, context.version)
        return _sse(HelloFrame(run=context.pk, status=context.status, version=context.version, after=after))


async def stream_events(request: HttpRequest, run_id: str) -> HttpResponseBase:
    """Events after `?after=N`, or after the header Last-Event-ID: those that were, then those that come."""
    if request.method != "GET":
        return _refusal(None, MethodNotAllowed(str(request.method)))
    asked = _drf_request(request)
    try:
        stream = await sync_to_async(_open)(asked, run_id)
    except (AgentsError, APIException) as error:
        return _refusal(asked, error)
    content = _for_a_while(stream) if isinstance(request, WSGIRequest) else _as_they_come(stream)
    response = StreamingHttpResponse(content, content_type="text/event-stream")
    response["Cache-Control"] = "no-cache"
    response["X-Accel-Buffering"] = "no"
    return response


stream_events = csrf_exempt(login_not_required(stream_events))  # it only reads; DRF's authenticators ask for the login
for _alias in connections:  # Django allows no transaction around an async view
    stream_events = transaction.non_atomic_requests(using=_alias)(stream_events)


def _drf_request(request: HttpRequest) -> Request:
    paths = conf.API_AUTHENTICATION_CLASSES
    classes: Any = api_settings.DEFAULT_AUTHENTICATION_CLASSES if paths is None else map(import_string, paths)
    return Request(request, authenticators=[one() for one in classes])


def _open(request: Request, run_id: str) -> _Stream:
    """Raises NotAuthenticated, AuthenticationFailed, NotFound, InvalidInput."""
    user: Any = request.user
    if not (user and user.is_authenticated and user.is_active):
        raise NotAuthenticated
    context = run_seen_by(user, run_id)
    session = session_of(user, getattr(request, "session", None))
    return _Stream(context=context, user=user, session=session, after=_after(request))


def _after(request: Request) -> int:
    # A browser that resumes sends the header, and the address with which it first came.
    text = request.headers.get("Last-Event-ID") or request.query_params.get("after") or "0"
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) < SEQUENCE_LIMIT):
        raise InvalidInput(gettext("`after` is the number of an event."))
    return int(text)


def _refusal(request: Request | None, error: AgentsError | APIException) -> HttpResponseBase:
    """In the API's one shape, as its other views answer."""
    headers = {}
    if isinstance(error, NotAuthenticated | AuthenticationFailed) and request is not None:
        first = next(iter(request.authenticators or ()), None)
        header = first.authenticate_header(request) if isinstance(first, BaseAuthentication) else None
        headers["WWW-Authenticate"] = header or 'Session realm="api"'
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = "GET"
    answer = answer_to(error, {"request": request})
    return JsonResponse(answer.data, status=answer.status_code, headers=headers)


async def _as_they_come(stream: _Stream) -> AsyncIterator[str]:
    """For ever, on the event loop."""
    feed = stream.feed()
    checked = time.monotonic()
    async with tail().reading(feed):
        yield RETRY + stream.hello()
        while True:
            frames = await _next(feed)
            if frames is None:
                return
            yield "".join(map(_sse, frames)) or HEARTBEAT
            if time.monotonic() - checked >= RECHECK_SECONDS:
                checked = time.monotonic()
                if not await _may_stay(stream, feed):
                    return


async def _next(feed: Feed) -> list[EventFrame | DeltaFrame] | None:
    """The next frames; none after a while without news; None if the run is deleted."""
    try:
        async with asyncio.timeout(HEARTBEAT_SECONDS):
            return await feed.next()
    except TimeoutError:
        return []
    except NotFound:
        return None


async def _may_stay(stream: _Stream, feed: Feed) -> bool:
    try:
        feed.deltas = await in_database(_look_again, stream)
    except NotFound:
        return False
    except DatabaseError:  # a database that is away says nothing about permissions
        return True
    return True


def _look_again(stream: _Stream) -> bool:
    """Whether the user may (still) see what the LLM writes. Raises NotFound if not even the run."""
    user = read_again(stream.user, stream.session)
    if user is None:
        raise NotFound
    return may_view_transcript(user, one_of(visible_runs(user), stream.context.pk))


def _for_a_while(stream: _Stream) -> Iterator[str]:
    """Under WSGI: looks at the rows at regular times, without what the LLM is writing."""
    after = min(stream.after, stream.context.version)
    ends = time.monotonic() + WSGI_SECONDS
    yield RETRY + stream.hello()
    while time.monotonic() < ends:
        rows = events_after(stream.context.pk, after)
        for row in rows:
            after = row.sequence
            yield _sse(EventFrame(sequence=row.sequence, event=row.type, at=row.at, data=row.data))
        if not rows:
            time.sleep(conf.LIVE_POLL_SECONDS)


def _sse(frame: Frame) -> str:
    """JSON has no line breaks outside of strings, so one `data` line holds a frame."""
    data = f"data: {frame.encoded()}\n\n"
    if isinstance(frame, EventFrame):
        return f"id: {frame.sequence}\nevent: {frame.event}\n{data}"
    return f"event: {frame.type}\n{data}"  # type: ignore[attr-defined]  # every frame but the base has one
