"""Has AWS Lambda call the function, once for each wake-up. What it then does is in `agents_app.tasks.aws_lambda`."""

import json
import os
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import boto3
from botocore.config import Config
from django.core.exceptions import ImproperlyConfigured

from agents_app.conf import conf

ITSELF = "AWS_LAMBDA_FUNCTION_NAME"
"""Set by Lambda in the function's own environment."""

ATTEMPTS = 2
"""Of one wake-up, within SUBMIT_SECONDS: an invocation that was accepted twice does nothing the second time."""

ACCEPTED = 202


class AwsLambdaExecutor:
    """Invokes the function asynchronously (`InvocationType="Event"`) with the run's id.

    Lambda has no delayed invocations: the sweep, by a schedule of EventBridge, finds what is due later.
    """

    delays = False

    def submit(self, run_id: UUID, run_at: datetime | None = None) -> None:
        """Invoke it. Raises botocore's errors if Lambda refuses (throttled, no such function) or is away."""
        if run_at is not None:
            return
        event = {"action": "continue", "run_id": str(run_id)}
        answer = _client(os.getpid(), conf.SUBMIT_SECONDS).invoke(
            FunctionName=function_name(), InvocationType="Event", Payload=json.dumps(event).encode()
        )
        if answer["StatusCode"] != ACCEPTED:
            raise RuntimeError(f"Lambda answered {answer['StatusCode']} to an asynchronous invocation.")


def function_name() -> str:
    """The function to invoke. Raises ImproperlyConfigured if none is known."""
    name: str = conf.LAMBDA_FUNCTION or os.environ.get(ITSELF, "")
    if not name:
        raise ImproperlyConfigured(f'AGENTS_APP["LAMBDA_FUNCTION"] names no function, and {ITSELF} is not set.')
    return name


@lru_cache(maxsize=1)
def _client(process: int, seconds: float) -> Any:
    """One for each process: sockets do not survive a fork."""
    times = {"connect_timeout": seconds / ATTEMPTS, "read_timeout": seconds / ATTEMPTS}
    retries = {"mode": "standard", "total_max_attempts": ATTEMPTS}
    return boto3.client("lambda", config=Config(**times, retries=retries))
