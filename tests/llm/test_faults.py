"""What goes wrong with an LLM's server, over real HTTP: the code, whether to try again, and when."""

import asyncio
import socket
import struct
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import pytest_asyncio
from django.test import override_settings
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from agents_app.core.outcomes import backoff_seconds
from agents_app.core.transcript import LLMRequest, UserMessage
from agents_app.exceptions import LLMError
from agents_app.llm import LLM, close_connections, resolve
from tests.llm.wire import Anthropic, OpenAI, Wire

ASKED = LLMRequest(
    llm="served", instructions="", messages=(UserMessage(text="Hello"),), timeout=200
)  # also for the import
both = pytest.mark.parametrize("wire", [OpenAI, Anthropic])
ways = pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streaming"])


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    with HTTPServer(threaded=True) as server:
        yield server


@pytest_asyncio.fixture(autouse=True)
async def no_connection_is_left() -> AsyncIterator[None]:
    yield
    await close_connections()


def connect(wire: Wire, address: str) -> LLM:
    alias = {"llm": f"{wire.provider}:{wire.llm}", "base_url": address + wire.base, "api_key": "sk-none"}
    with override_settings(AGENTS_APP={"LLMS": {"served": alias}}):
        return resolve("served")


async def failure(llm: LLM, *, streaming: bool, request: LLMRequest = ASKED) -> LLMError:
    with pytest.raises(LLMError) as caught:
        await llm.respond(request, (lambda text: None) if streaming else None)
    return caught.value


@both
@ways
@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("status", "codes", "transient"),
    [
        (400, {"rejected"}, False),
        (401, {"authentication"}, False),
        (403, {"authentication"}, False),
        (404, {"not_found"}, False),
        (408, {"timeout", "provider_error"}, True),
        (429, {"rate_limited"}, True),
        (500, {"server_error"}, True),
        (502, {"server_error", "unavailable", "provider_error"}, True),
        (503, {"unavailable", "overloaded"}, True),
        (504, {"server_error", "timeout", "provider_error"}, True),
        (529, {"overloaded", "server_error", "provider_error"}, True),
    ],
)
async def test_each_status(
    wire: Wire, streaming: bool, server: HTTPServer, status: int, codes: set[str], transient: bool
) -> None:
    server.expect_request(wire.path).respond_with_response(wire.error(status, "No."))
    error = await failure(connect(wire, server.url_for("")), streaming=streaming)
    assert error.code in codes
    assert error.transient is transient
    assert len(server.log) == 1, "attempts are the run's to count"


@both
@pytest.mark.asyncio
async def test_a_conversation_that_is_too_long_is_not_asked_again(wire: Wire, server: HTTPServer) -> None:
    message = {OpenAI: "maximum context length is 10 tokens", Anthropic: "prompt is too long: 11 tokens > 10 maximum"}
    server.expect_request(wire.path).respond_with_response(wire.error(400, message[wire]))
    error = await failure(connect(wire, server.url_for("")), streaming=False)
    assert (error.code, error.transient) == ("context_window_exceeded", False)


@both
@ways
@pytest.mark.asyncio
@pytest.mark.parametrize("status", [429, 503, 529])
async def test_retry_after_in_seconds(wire: Wire, streaming: bool, server: HTTPServer, status: int) -> None:
    server.expect_request(wire.path).respond_with_response(wire.error(status, "Later.", Retry_After="17"))
    error = await failure(connect(wire, server.url_for("")), streaming=streaming)
    assert (error.retry_after, error.transient) == (17, True)


@both
@pytest.mark.asyncio
async def test_retry_after_as_a_date(wire: Wire, server: HTTPServer) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=300), usegmt=True)
    server.expect_request(wire.path).respond_with_response(wire.error(429, "Later.", Retry_After=later))
    error = await failure(connect(wire, server.url_for("")), streaming=False)
    assert error.retry_after is not None
    assert 200 < error.retry_after <= 300


@both
@pytest.mark.asyncio
@pytest.mark.parametrize("given", ["tomorrow", "-5", "nan", "Wed, 01 Jan 2020 00:00:00 GMT", "99999999999"])
async def test_a_retry_after_that_makes_no_sense_is_bounded(wire: Wire, server: HTTPServer, given: str) -> None:
    server.expect_request(wire.path).respond_with_response(wire.error(429, "Later.", Retry_After=given))
    error = await failure(connect(wire, server.url_for("")), streaming=False)
    assert error.code == "rate_limited"
    assert 1 <= backoff_seconds(1, error.retry_after, 0.0) <= 3600


@both
@ways
@pytest.mark.asyncio
async def test_nobody_listens(wire: Wire, streaming: bool, unused_tcp_port: int) -> None:
    error = await failure(connect(wire, f"http://127.0.0.1:{unused_tcp_port}"), streaming=streaming)
    assert (error.code, error.transient) == ("connection", True)


class Broken:
    """A server that reads a request, sends these bytes, and breaks the connection (with a reset, or in good order)."""

    def __init__(self, said: bytes, *, reset: bool) -> None:
        self._said, self._reset = said, reset
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.recv(1_000_000)
                connection.sendall(self._said)
                if self._reset:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def close(self) -> None:
        self._socket.close()


def begun(wire: Wire) -> bytes:
    """A stream that has said something and promises more."""
    body = wire.stream("I will ", finish=None).get_data()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + f"{len(body):x}\r\n".encode() + body + b"\r\n"


@both
@pytest.mark.asyncio
@pytest.mark.parametrize("reset", [True, False], ids=["reset", "closed"])
@pytest.mark.parametrize("when", ["at once", "in mid-stream"])
async def test_a_connection_that_breaks(wire: Wire, reset: bool, when: str) -> None:
    broken = Broken(b"" if when == "at once" else begun(wire), reset=reset)
    try:
        error = await failure(connect(wire, broken.address), streaming=True)
    finally:
        broken.close()
    assert error.transient
    assert error.code in {"connection", "invalid_reply"}


@both
@ways
@pytest.mark.asyncio
async def test_one_that_does_not_answer_in_time(wire: Wire, streaming: bool, server: HTTPServer) -> None:
    over = threading.Event()

    def hang(request: Request) -> Response:
        over.wait(30)
        return wire.reply()

    server.expect_request(wire.path).respond_with_handler(hang)
    impatient: Any = LLMRequest(llm="x", instructions="", messages=ASKED.messages, timeout=0.3)
    try:
        llm = connect(wire, server.url_for(""))
        error = await asyncio.wait_for(failure(llm, streaming=streaming, request=impatient), timeout=200)
    finally:
        over.set()
    assert (error.code, error.transient) == ("timeout", True)
