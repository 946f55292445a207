"""What Lambda is asked for."""

import os
import socket
import time
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from django.utils import timezone

from agents_app.conf import conf
from agents_app.executors.aws_lambda import AwsLambdaExecutor, _client
from tests.aws.server import lambda_server

pytestmark = pytest.mark.once


def test_an_asynchronous_invocation_with_the_id() -> None:
    events: list[Any] = []
    run_id = uuid4()
    with lambda_server(events.append):
        AwsLambdaExecutor().submit(run_id)
        AwsLambdaExecutor().submit(run_id, timezone.now() + timedelta(seconds=30))
    assert events == [{"action": "continue", "run_id": str(run_id)}]


def test_another_function_by_its_name() -> None:
    with (
        lambda_server(lambda event: None),
        override_settings(AGENTS_APP={"LAMBDA_FUNCTION": "nobodys"}),
        pytest.raises(ClientError, match="ResourceNotFound"),
    ):
        AwsLambdaExecutor().submit(uuid4())


def test_a_refusal_is_told() -> None:
    with lambda_server(lambda event: None) as server:
        server.throttled = True
        with pytest.raises(ClientError, match="TooManyRequests"):
            AwsLambdaExecutor().submit(uuid4())
        assert server.refused == 2


def test_a_service_that_is_away_is_told_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    with lambda_server(lambda event: None):
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")  # not yet asked for
        began = time.monotonic()
        with pytest.raises(EndpointConnectionError):
            AwsLambdaExecutor().submit(uuid4())
        assert time.monotonic() - began < 20


@pytest.mark.parametrize("seconds", [None, 0.4])
def test_a_service_that_hangs_costs_who_starts_a_run_two_seconds(
    seconds: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or what the settings say, and up to a second between two attempts."""
    ours = {**settings.AGENTS_APP, **({"SUBMIT_SECONDS": seconds} if seconds else {})}
    with lambda_server(lambda event: None), socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with override_settings(AGENTS_APP=ours):
            _client(os.getpid(), conf.SUBMIT_SECONDS)  # made beforehand: to make one takes long on a slow machine
            began = time.monotonic()
            with pytest.raises(ReadTimeoutError):
                AwsLambdaExecutor().submit(uuid4())
            least = seconds or 2
            assert least <= time.monotonic() - began < least + 2.5


def test_without_a_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with pytest.raises(ImproperlyConfigured, match="LAMBDA_FUNCTION"):
        AwsLambdaExecutor().submit(uuid4())
