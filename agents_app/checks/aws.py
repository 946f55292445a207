"""Settings that the executor `aws_lambda` lacks, found at start-up. Nothing is said where another one is used."""

import os
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register

from agents_app.conf import conf


@register
def check_aws(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Which function is invoked, and where."""
    if conf.EXECUTOR != "aws_lambda" or find_spec("boto3") is None:
        return []  # that it is not installed is told where the executor is loaded
    import boto3

    messages: list[CheckMessage] = []
    if not (conf.LAMBDA_FUNCTION or os.environ.get("AWS_LAMBDA_FUNCTION_NAME")):
        message = 'The executor is aws_lambda, and AGENTS_APP["LAMBDA_FUNCTION"] names no function.'
        hint = "Set its name or ARN; only within Lambda itself it is known without."
        messages.append(Error(message, hint=hint, id="agents_app.E170"))
    if boto3.Session().region_name is None:
        hint = "Set AWS_DEFAULT_REGION in the environment, or a region in ~/.aws/config."
        messages.append(Error("boto3 knows no region.", hint=hint, id="agents_app.E171"))
    return messages
