"""Each setting of django-q2 that breaks a promise is found at start-up, with a hint."""

from typing import Any

import pytest
from django.conf import settings
from django.core.checks import CheckMessage
from django.db import connection
from django.test import override_settings

from agents_app.checks.queue import check_queue
from project import settings as demo

pytestmark = pytest.mark.once
GOOD = {
    "orm": "default",
    "workers": 4,
    "queue_limit": 4,
    "timeout": 180,
    "retry": 900,
    "max_attempts": 5,
    "ack_failures": True,
    "catch_up": False,
}


def found(app: dict[str, Any] | None = None, **cluster: Any) -> list[CheckMessage]:
    given = {name: value for name, value in {**GOOD, **cluster}.items() if value is not ...}
    with override_settings(Q_CLUSTER=given, AGENTS_APP={"EXECUTOR": "django_q2", **(app or {})}):
        return check_queue()


def ids(app: dict[str, Any] | None = None, **cluster: Any) -> list[str]:
    messages = found(app, **cluster)
    assert all(message.hint for message in messages)
    return [str(message.id) for message in messages]


def test_good_settings_are_clean() -> None:
    assert ids() == []
    with override_settings(Q_CLUSTER=demo.Q_CLUSTER, AGENTS_APP=demo.AGENTS_APP):
        assert check_queue() == []


def test_nothing_is_said_of_a_queue_that_is_not_used() -> None:
    assert ids({"EXECUTOR": "immediate"}, timeout=...) == []
    assert ids(sync=True, timeout=...) == []


def test_django_q2_has_to_be_installed() -> None:
    without = [app for app in settings.INSTALLED_APPS if app != "django_q"]
    with override_settings(INSTALLED_APPS=without):
        assert ids() == ["agents_app.E110"]


@pytest.mark.parametrize(
    ("timeout", "expected"),
    [
        (..., "W110"),
        (None, "W110"),
        (90.0, "E111"),
        ("180", "E111"),
        (True, "E111"),
        (80, "W111"),
    ],
)
def test_timeout(timeout: Any, expected: str) -> None:
    assert ids(timeout=timeout) == [f"agents_app.{expected}"]


def test_the_queue_is_in_our_database() -> None:
    assert ids(orm="other") == ["agents_app.W112"]


@pytest.mark.parametrize(
    ("cluster", "clean"),
    [
        ({"retry": 570}, True),  # 180 × (2 + 4/4) + 30
        ({"retry": 569}, False),
        ({"retry": ...}, False),
        ({"retry": 900, "queue_limit": 16}, False),
        ({"retry": 900, "queue_limit": ...}, False),  # workers²
        ({"retry": 900, "workers": 1, "queue_limit": ...}, True),
        ({"retry": 60, "orm": ..., "redis": {}}, True),  # only the ORM broker gives a task out again
    ],
)
def test_retry_exceeds_the_longest_life_of_a_task(cluster: dict[str, Any], clean: bool) -> None:
    assert ids(**cluster) == ([] if clean else ["agents_app.W113"])


def test_the_hint_says_how_long() -> None:
    (message,) = found(retry=60)
    assert "at least 570 s" in str(message.hint)


def test_failing_tasks_are_not_repeated_for_ever() -> None:
    assert ids(max_attempts=0) == ids(max_attempts=...) == ["agents_app.W114"]
    assert ids(ack_failures=False) == ids(ack_failures=...) == ["agents_app.W115"]


def test_the_sweep_does_not_catch_up() -> None:
    assert ids(catch_up=True) == ids(catch_up=...) == ["agents_app.W116"]


def test_a_pool_does_not_survive_the_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    pooled = {"default": {"ENGINE": "django.db.backends.postgresql", "OPTIONS": {"pool": True}}}
    monkeypatch.setattr(settings._wrapped, "DATABASES", pooled)
    assert ids() == ["agents_app.E112"]


def test_nor_does_that_of_the_queues_own_database(monkeypatch: pytest.MonkeyPatch) -> None:
    pooled = {"ENGINE": "django.db.backends.postgresql", "OPTIONS": {"pool": True}}
    plain = {"ENGINE": "django.db.backends.postgresql"}
    monkeypatch.setattr(settings._wrapped, "DATABASES", {"default": plain, "queue": pooled})
    assert ids(orm="queue") == ["agents_app.W112", "agents_app.E112"]


def test_the_cluster_that_this_process_belongs_to_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    others = {"slow": {"timeout": 600, "retry": 3000}, "wrong": {"timeout": 600}, "hasty": {"max_attempts": 0}}
    found_of = {None: [], "agents": [], "slow": [], "wrong": ["W113"], "hasty": ["W114"]}
    for name, expected in found_of.items():
        if name is None:
            monkeypatch.delenv("Q_CLUSTER_NAME", raising=False)
        else:
            monkeypatch.setenv("Q_CLUSTER_NAME", name)
        found_now = ids(name="agents", ALT_CLUSTERS=others)
        assert found_now == [f"agents_app.{number}" for number in expected], name


OURS = "agents_app.brokers.postgresql.PostgreSQLBroker"


def test_the_postgresql_broker_needs_postgresql() -> None:
    assert ids(broker_class=OURS) == ["agents_app.E113"]
    assert "agents_app.E113" in ids(broker_class=OURS, orm=...)
    assert ids(broker_class="another.Broker") == []


def test_the_postgresql_broker_on_postgresql(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "vendor", "postgresql")
    assert ids(broker_class=OURS) == []
