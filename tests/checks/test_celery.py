"""Each setting of Celery that breaks a promise is found at start-up, with a hint."""

from typing import Any

import pytest
from django.db import connections
from django.test import override_settings

from agents_app.checks.celery import check_celery
from agents_app.executors.celery import MOST_SECONDS
from tests.celery_broker import celery_app

pytestmark = pytest.mark.once
REDIS = "redis://127.0.0.1:1"


def ids(broker: str | None = REDIS, app: dict[str, Any] | None = None, **configuration: Any) -> list[str]:
    ours = override_settings(AGENTS_APP={"EXECUTOR": "celery", **(app or {})})
    with ours, celery_app(broker, **configuration):
        messages = check_celery()
    assert all(message.hint for message in messages)
    return [str(message.id) for message in messages]


def test_celerys_own_defaults_are_clean() -> None:
    assert ids() == []
    assert ids("amqp://127.0.0.1:1") == []


def test_nothing_is_said_of_a_queue_that_is_not_used() -> None:
    assert ids(None, {"EXECUTOR": "immediate"}) == []


def test_without_a_broker_wake_ups_would_go_astray() -> None:
    assert ids(None) == ["agents_app.E120"]


@pytest.mark.parametrize(
    ("broker", "seconds", "expected"),
    [
        (REDIS, 765, []),  # 600 held, 60 + 75 at work, 30 to spare
        (REDIS, 764, ["agents_app.W124"]),
        ("redis+socket:///run/redis", 60, ["agents_app.W124"]),
        ("sentinel://127.0.0.1:1;sentinel://127.0.0.1:2", 60, ["agents_app.W124"]),
        ("amqp://127.0.0.1:1", 60, []),
    ],
)
def test_visibility_timeout(broker: str, seconds: int, expected: list[str]) -> None:
    assert ids(broker, broker_transport_options={"visibility_timeout": seconds}) == expected
    assert MOST_SECONDS == 600


def test_it_depends_on_how_long_a_slice_is() -> None:
    assert ids(app={"SLICE_SECONDS": 3600.0}) == ["agents_app.W124"]


@pytest.mark.parametrize("name", ["task_time_limit", "task_soft_time_limit"])
def test_time_limits(name: str) -> None:
    assert ids(**{name: 135}) == ["agents_app.W125"]
    assert ids(**{name: 136}) == []


def test_eager() -> None:
    assert ids(task_always_eager=True) == ["agents_app.W122"]


def test_a_pool_does_not_survive_the_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    pooled = {"default": {"ENGINE": "django.db.backends.postgresql", "OPTIONS": {"pool": True}}}
    monkeypatch.setattr(connections, "settings", pooled)
    assert ids() == ["agents_app.W123"]
    assert ids(None, {"EXECUTOR": "immediate"}) == []
