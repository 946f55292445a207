"""A wake-up carries the run's id and nothing else."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import redis
from django.conf import settings
from django.test import override_settings
from django.utils import timezone
from django_q.conf import Conf
from django_q.models import OrmQ

from agents_app import tasks
from agents_app.executors import django_q2
from agents_app.executors.django_q2 import DjangoQ2Executor

OURS = "agents_app.brokers.postgresql.PostgreSQLBroker"


def test_what_is_queued(monkeypatch: pytest.MonkeyPatch) -> None:
    queued: list[Any] = []
    monkeypatch.setattr(django_q2, "async_task", lambda *args, **options: queued.append((args, options)))
    run_id = uuid4()
    django_q2.DjangoQ2Executor().submit(run_id)
    ((args, options),) = queued
    assert args == (f"{tasks.continue_run.__module__}.continue_run", str(run_id))
    assert options["ack_failure"] is True
    assert options["save"] is False


@pytest.mark.parametrize(
    ("configured", "delays"),
    [
        ({"ORM": "default"}, True),
        ({"ORM": "default", "BROKER_CLASS": OURS}, True),
        ({"ORM": "default", "BROKER_CLASS": "django_q.brokers.redis_broker.Redis"}, False),
        ({"ORM": None, "REDIS": "redis://nowhere"}, False),
        ({"ORM": "default", "SQS": {}}, False),
        ({"ORM": "default", "SYNC": True}, False),
    ],
)
def test_it_says_whether_it_delays(configured: dict[str, Any], delays: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in configured.items():
        monkeypatch.setattr(Conf, name, value)
    assert DjangoQ2Executor().delays is delays


@pytest.mark.django_db
def test_a_wake_up_for_later_is_stored_locked() -> None:
    later = timezone.now() + timedelta(seconds=30)
    DjangoQ2Executor().submit(uuid4(), later)
    assert OrmQ.objects.get().lock == later


@pytest.mark.django_db
def test_a_wake_up_for_much_later_is_left_to_the_clock() -> None:
    DjangoQ2Executor().submit(uuid4(), timezone.now() + timedelta(hours=1))
    assert not OrmQ.objects.exists()


def test_a_broker_that_cannot_delay_is_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would come at once, for nothing."""
    monkeypatch.setattr(Conf, "ORM", None)
    monkeypatch.setattr(Conf, "REDIS", "redis://127.0.0.1:1")
    DjangoQ2Executor().submit(uuid4(), timezone.now() + timedelta(seconds=30))


@contextmanager
def a_redis_that_hangs() -> Iterator[int]:
    """Takes connections, and never answers. Gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def redis_broker(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Has messages go to a Redis."""

    def choose(redis: Any) -> None:
        for name in ("ORM", "BROKER_CLASS", "IRON_MQ", "MONGO", "SQS", "DJANGO_REDIS"):
            monkeypatch.setattr(Conf, name, None)
        monkeypatch.setattr(Conf, "REDIS", redis)

    return choose


@pytest.mark.once
@pytest.mark.parametrize("form", ["a dictionary", "an address"])
def test_a_redis_that_hangs_costs_who_starts_a_run_two_seconds(form: str, redis_broker: Callable[[Any], None]) -> None:
    with a_redis_that_hangs() as port:
        address = {"host": "127.0.0.1", "port": port}
        redis_broker(address if form == "a dictionary" else f"redis://127.0.0.1:{port}/0")
        began = time.monotonic()
        with pytest.raises(redis.exceptions.TimeoutError):
            DjangoQ2Executor().submit(uuid4())
        assert 1 < time.monotonic() - began < 4


@pytest.mark.once
def test_or_what_the_settings_say(redis_broker: Callable[[Any], None]) -> None:
    with a_redis_that_hangs() as port:
        redis_broker({"host": "127.0.0.1", "port": port})
        began = time.monotonic()
        ours = override_settings(AGENTS_APP={**settings.AGENTS_APP, "SUBMIT_SECONDS": 0.1})
        with ours, pytest.raises(redis.exceptions.TimeoutError):
            DjangoQ2Executor().submit(uuid4())
        assert time.monotonic() - began < 1


@pytest.mark.once
def test_a_redis_that_refuses_costs_who_starts_a_run_no_time(redis_broker: Callable[[Any], None]) -> None:
    with a_redis_that_hangs() as port:
        pass
    redis_broker({"host": "127.0.0.1", "port": port})
    began = time.monotonic()
    with pytest.raises(redis.exceptions.ConnectionError):
        DjangoQ2Executor().submit(uuid4())
    assert time.monotonic() - began < 1


@pytest.mark.once
def test_what_the_settings_say_of_redis_goes_before(redis_broker: Callable[[Any], None]) -> None:
    with a_redis_that_hangs() as port:
        redis_broker({"host": "127.0.0.1", "port": port, "socket_timeout": 0.1})
        began = time.monotonic()
        with pytest.raises(redis.exceptions.TimeoutError):
            DjangoQ2Executor().submit(uuid4())
        assert time.monotonic() - began < 1


@pytest.mark.once
def test_a_client_of_django_redis_is_left_as_it_is(
    redis_broker: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    redis_broker({})
    monkeypatch.setattr(Conf, "DJANGO_REDIS", "default")
    queued: list[Any] = []
    monkeypatch.setattr(django_q2, "async_task", lambda *args, **options: queued.append(options))
    DjangoQ2Executor().submit(uuid4())
    assert "broker" not in queued[0]
