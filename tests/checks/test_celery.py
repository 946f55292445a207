"""Each setting of Celery that breaks a promise is found at start-up, with a hint."""

from typing import Any

import pytest
from django.core.checks import CheckMessage
from django.db import connections
from django.test import override_settings

from agents_app.checks.celery import check_celery
from agents_app.executors.celery import MOST_SECONDS
from tests.celery_broker import PATIENCE, celery_app

pytestmark = pytest.mark.once
REDIS = "redis://127.0.0.1:1"


def messages(broker: str | None, app: dict[str, Any] | None = None, **configuration: Any) -> list[CheckMessage]:
    ours = override_settings(AGENTS_APP={"EXECUTOR": "celery", **(app or {})})
    with ours, celery_app(broker, **configuration):
        found = check_celery()
    assert all(message.hint for message in found)
    return found


def ids(broker: str | None = REDIS, app: dict[str, Any] | None = None, **configuration: Any) -> list[str]:
    """With the times that Redis has to answer in."""
    options = {**PATIENCE, **configuration.pop("broker_transport_options", {})}
    found = messages(broker, app, broker_transport_options=options, **configuration)
    return [str(message.id) for message in found]


def test_what_celery_does_by_itself_is_clean_but_for_a_redis_that_hangs() -> None:
    assert ids() == []
    assert messages("amqp://127.0.0.1:1") == []
    (found,) = messages(REDIS)
    assert (found.id, "no socket_connect_timeout and no socket_timeout" in found.msg) == ("agents_app.W126", True)


@pytest.mark.parametrize(
    ("broker", "missing", "expected"),
    [
        (REDIS, "socket_timeout", ["agents_app.W126"]),
        (REDIS, "socket_connect_timeout", ["agents_app.W126"]),
        ("rediss://127.0.0.1:1", "socket_timeout", ["agents_app.W126"]),
        ("sentinel://127.0.0.1:1;sentinel://127.0.0.1:2", "socket_timeout", ["agents_app.W126"]),
        ("redis+socket:///run/redis", "socket_timeout", ["agents_app.W126"]),
        ("redis+socket:///run/redis", "socket_connect_timeout", []),  # there is nothing to be waited for
        ("amqp://127.0.0.1:1", "socket_timeout", []),
    ],
)
def test_times_that_redis_has_to_answer_in(broker: str, missing: str, expected: list[str]) -> None:
    assert ids(broker, broker_transport_options={missing: None}) == expected


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
