"""What the executor `aws_lambda` lacks is found at start-up, with a hint."""

from pathlib import Path

import pytest
from django.test import override_settings

from agents_app.checks.aws import check_aws

pytestmark = pytest.mark.once
HERE = {"AWS_DEFAULT_REGION": "eu-central-1"}


@pytest.mark.parametrize(
    ("app", "environment", "expected"),
    [
        ({"LAMBDA_FUNCTION": "agents"}, HERE, []),
        ({}, {**HERE, "AWS_LAMBDA_FUNCTION_NAME": "agents"}, []),
        ({}, HERE, ["agents_app.E170"]),
        ({"LAMBDA_FUNCTION": "agents"}, {}, ["agents_app.E171"]),
        ({"EXECUTOR": "immediate"}, {}, []),
    ],
)
def test_what_is_missing(
    app: dict[str, str],
    environment: dict[str, str],
    expected: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_LAMBDA_FUNCTION_NAME", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with override_settings(AGENTS_APP={"EXECUTOR": "aws_lambda", **app}):
        messages = check_aws()
    assert [message.id for message in messages] == expected
    assert all(message.hint for message in messages)
