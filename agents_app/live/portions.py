"""Answers that are made a piece at a time, so that memory stays small however long they are."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, StreamingHttpResponse

from agents_app.core.tables import FORMATS
from agents_app.live.database import in_database


def download(request: HttpRequest, pieces: Iterator[str], *, name: str, format: str) -> StreamingHttpResponse:  # noqa: A002  its word
    """The answer: a file of this name, without its ending, in one of the formats of tables."""
    response = StreamingHttpResponse(in_portions(request, pieces), content_type=FORMATS[format])
    response["Content-Disposition"] = f'attachment; filename="{name}.{format}"'
    response["Cache-Control"] = "no-store"
    return response


def in_portions(request: HttpRequest, pieces: Iterator[str]) -> Any:
    """As they are under WSGI. Under ASGI Django would make all of them before it sends the first: one by one instead,
    each in a thread of the database."""
    return pieces if isinstance(request, WSGIRequest) else one_by_one(pieces)


async def one_by_one(pieces: Iterator[str]) -> AsyncIterator[str]:
    """The pieces of what reads the database, for an event loop."""
    while (piece := await in_database(next, pieces, None)) is not None:
        yield piece
