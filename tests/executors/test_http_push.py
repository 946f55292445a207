"""What is posted, and what counts as taken."""

import json
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from django.utils import timezone
from pytest_httpserver import HTTPServer

from agents_app.core.push_signature import is_signed
from agents_app.executors.http_push import HttpPushExecutor, signed_push

pytestmark = pytest.mark.once
KEY = "key-of-the-test-key-of-the-test-key"


def pushing(url: str, **more: Any) -> override_settings:
    return override_settings(AGENTS_APP={"PUSH_URL": url, "PUSH_KEYS": [KEY, "another"], **more})


@pytest.fixture
def receiver(httpserver: HTTPServer) -> Iterator[HTTPServer]:
    with pushing(httpserver.url_for("/api/push/?region=1")):
        yield httpserver


def test_a_signed_body_with_the_id_alone(receiver: HTTPServer) -> None:
    receiver.expect_request("/api/push/", method="POST", query_string="region=1").respond_with_data(status=202)
    run_id = uuid4()
    HttpPushExecutor().submit(run_id)
    ((request, _),) = receiver.log
    assert json.loads(request.data) == {"run_id": str(run_id)}
    assert request.headers["Prefer"] == "respond-async"
    signed = int(request.headers["Agents-Timestamp"]), request.data, request.headers["Agents-Signature"]
    assert is_signed([KEY], *signed)


def test_what_is_for_later_is_left_to_the_sweep(receiver: HTTPServer) -> None:
    HttpPushExecutor().submit(uuid4(), timezone.now() + timedelta(seconds=30))
    assert receiver.log == []


@pytest.mark.parametrize("status", [302, 403, 404, 500, 503])
def test_any_other_answer_is_no(status: int, receiver: HTTPServer) -> None:
    receiver.expect_request("/api/push/").respond_with_data(status=status, headers={"Location": "/elsewhere"})
    with pytest.raises(RuntimeError, match=str(status)):
        HttpPushExecutor().submit(uuid4())
    assert len(receiver.log) == 1


def test_nobody_there() -> None:
    with pushing("http://127.0.0.1:1/"), pytest.raises(ConnectionError):
        HttpPushExecutor().submit(uuid4())


@pytest.mark.parametrize(("ours", "seconds"), [({}, 2), ({"SUBMIT_SECONDS": 0.3}, 0.3)])
def test_a_receiver_that_hangs_costs_who_starts_a_run_two_seconds(ours: dict[str, Any], seconds: float) -> None:
    """Or what the settings say."""
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and never answers
        began = time.monotonic()
        with pushing(f"http://127.0.0.1:{silent.getsockname()[1]}/", **ours), pytest.raises(TimeoutError):
            HttpPushExecutor().submit(uuid4())
        assert seconds <= time.monotonic() - began < seconds + 1.5


@pytest.mark.parametrize("app", [{"PUSH_URL": ""}, {"PUSH_KEYS": []}])
def test_without_address_or_key(app: dict[str, Any]) -> None:
    with pushing("http://127.0.0.1:1/", **app), pytest.raises(ImproperlyConfigured):
        signed_push(uuid4())


def test_another_protocol() -> None:
    with pushing("file:///etc/passwd"), pytest.raises(ImproperlyConfigured):
        HttpPushExecutor().submit(uuid4())
