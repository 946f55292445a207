"""Lambda's Invoke API on a loopback address: takes asynchronous invocations, and may refuse them."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from agents_app.executors.aws_lambda import _client

INVOKE = re.compile(r"^/2015-03-31/functions/(?P<name>[\w-]+)/invocations$")
FUNCTION = "agents"


class LambdaServer:
    """on_event: called with each accepted event, before the answer. throttled: refuse all, as Lambda does when too
    many run."""

    def __init__(self, on_event: Callable[[dict[str, Any]], None]) -> None:
        self.throttled = False
        self.refused = 0
        self.faults: list[str] = []
        self._on_event = on_event
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer, headers = outer.answer(self.path, self.headers, body)
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(answer))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, path: str, headers: Any, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        """What Lambda would say."""
        found = INVOKE.match(path)
        if found is None or found["name"] != FUNCTION:
            return 404, b'{"Message": "Function not found"}', {"x-amzn-ErrorType": "ResourceNotFoundException"}
        if self.throttled:
            self.refused += 1
            return 429, b'{"message": "Rate Exceeded."}', {"x-amzn-ErrorType": "TooManyRequestsException"}
        if headers.get("X-Amz-Invocation-Type") != "Event" or "AWS4-HMAC-SHA256" not in headers["Authorization"]:
            self.faults.append(f"not an asynchronous, signed invocation: {dict(headers)}")
        self._on_event(json.loads(body))
        return 202, b"", {}

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        assert self.faults == []


@contextmanager
def lambda_server(on_event: Callable[[dict[str, Any]], None]) -> Iterator[LambdaServer]:
    """While it lasts boto3's clients for Lambda speak to it."""
    server = LambdaServer(on_event)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in aws_environment(server.url).items():
            patch.setenv(name, value)
        _client.cache_clear()
        try:
            yield server
        finally:
            server.close()
            _client.cache_clear()


def aws_environment(url: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_LAMBDA_FUNCTION_NAME": FUNCTION,
        "NO_PROXY": "127.0.0.1",
    }
