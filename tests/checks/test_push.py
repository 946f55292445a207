"""Settings of pushed wake-ups."""

from typing import Any

import pytest
from django.test import override_settings

from agents_app.checks.push import check_push

pytestmark = pytest.mark.once
KEY = "k" * 32


@pytest.mark.parametrize(
    ("app", "expected"),
    [
        ({}, []),
        ({"EXECUTOR": "http_push", "PUSH_URL": "https://example.com/api/push/", "PUSH_KEYS": [KEY]}, []),
        ({"EXECUTOR": "http_push", "PUSH_URL": "http://localhost:8000/api/push/", "PUSH_KEYS": [KEY]}, []),
        ({"EXECUTOR": "http_push", "PUSH_URL": "http://example.com/", "PUSH_KEYS": [KEY]}, ["W140"]),
        ({"EXECUTOR": "http_push", "PUSH_URL": "example.com", "PUSH_KEYS": [KEY]}, ["E140"]),
        ({"EXECUTOR": "http_push"}, ["E140", "E141"]),
        ({"PUSH_KEYS": [KEY, "short"]}, ["E142"]),
    ],
)
def test_push(app: dict[str, Any], expected: list[str]) -> None:
    with override_settings(AGENTS_APP={"EXECUTOR": "immediate", **app}):
        messages = check_push()
    assert [message.id for message in messages] == [f"agents_app.{number}" for number in expected]
    assert all(message.hint for message in messages)
