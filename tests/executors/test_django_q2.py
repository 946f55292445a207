"""A wake-up carries the run's id and nothing else."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
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
