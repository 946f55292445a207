"""The queue on PostgreSQL: order, leases, waking, and what it survives."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, transaction
from django.utils import timezone
from django_q.conf import Conf
from django_q.models import OrmQ

from agents_app.brokers import postgresql
from agents_app.brokers.postgresql import PostgreSQLBroker
from tests.office import rolled_back

on_postgresql = pytest.mark.postgresql_only


@pytest.fixture
def broker(transactional_db: None) -> Iterator[PostgreSQLBroker]:
    broker = PostgreSQLBroker(f"test-{uuid4().hex[:8]}")
    yield broker
    broker.close()


@pytest.fixture
def another() -> Callable[[Callable[[], Any]], Any]:
    """Does something on another connection, from another thread, and waits until it is done."""

    def do(work: Callable[[], Any]) -> Any:
        found: list[Any] = []

        def on_its_own() -> None:
            try:
                found.append(work())
            finally:
                connections.close_all()

        thread = threading.Thread(target=on_its_own)
        thread.start()
        thread.join(20)
        return found[0]

    return do


def taken(broker: PostgreSQLBroker) -> list[str]:
    return [payload for _, payload in broker.dequeue() or []]


@pytest.mark.sqlite_only
@pytest.mark.parametrize("alias", ["default", None])
def test_it_needs_postgresql(alias: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Conf, "ORM", alias)
    with pytest.raises(ImproperlyConfigured, match="PostgreSQL"):
        PostgreSQLBroker()


@on_postgresql
def test_first_in_first_out(broker: PostgreSQLBroker) -> None:
    names = [f"message {number}" for number in range(5)]
    for name in names:
        broker.enqueue(name)
    assert broker.queue_size() == 5
    assert [taken(broker)[0] for _ in names] == names
    assert broker.lock_size() == 5


@on_postgresql
def test_several_at_a_time(broker: PostgreSQLBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Conf, "BULK", 3)
    for name in "abcd":
        broker.enqueue(name)
    assert taken(broker) == ["a", "b", "c"]
    assert taken(broker) == ["d"]


@on_postgresql
def test_of_its_own_queue_alone(broker: PostgreSQLBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "MOST_SECONDS", 0.05)
    PostgreSQLBroker("another").enqueue("not ours")
    assert taken(broker) == taken(broker) == []


@on_postgresql
def test_what_another_is_taking_is_passed_over(broker: PostgreSQLBroker, another: Callable[..., Any]) -> None:
    first = broker.enqueue("first")
    broker.enqueue("second")
    with transaction.atomic():
        OrmQ.objects.select_for_update().get(pk=first)
        assert another(lambda: taken(broker)) == ["second"]


@on_postgresql
def test_what_is_not_acknowledged_comes_again(broker: PostgreSQLBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Conf, "RETRY", 0.2)
    number = broker.enqueue("again")
    assert taken(broker) == ["again"]
    again = [broker.dequeue(), broker.dequeue()]  # the first call begins to listen
    assert [(number, "again")] in again
    broker.acknowledge(number)
    assert broker.queue_size() == broker.lock_size() == 0


@on_postgresql
def test_what_is_locked_comes_when_it_is_due(broker: PostgreSQLBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "MOST_SECONDS", 60.0)
    assert taken(broker) == []  # begins to listen
    begun = time.monotonic()
    OrmQ.objects.create(key=broker.list_key, payload="later", lock=timezone.now() + timedelta(seconds=3))
    broker.enqueue("now")
    found: list[Any] = []
    while len(found) < 2 and time.monotonic() - begun < 40:
        found += taken(broker)
    assert found == ["now", "later"]
    assert 2 < time.monotonic() - begun < 40  # it was not found by the regular look


@on_postgresql
def test_a_notice_wakes(broker: PostgreSQLBroker, another: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "MOST_SECONDS", 60.0)
    assert taken(broker) == []  # begins to listen
    sender = threading.Timer(0.2, another, [lambda: broker.enqueue("woken")])
    sender.start()
    begun = time.monotonic()
    assert taken(broker) == ["woken"]
    assert time.monotonic() - begun < 40
    sender.join()


@on_postgresql
def test_a_notice_between_two_waits_is_not_lost(
    broker: PostgreSQLBroker, another: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sent after the look for messages, before the wait."""
    monkeypatch.setattr(postgresql, "MOST_SECONDS", 60.0)
    assert taken(broker) == []

    def wait_and_meanwhile() -> float:
        another(lambda: broker.enqueue("between"))
        return 60.0

    monkeypatch.setattr(broker, "_seconds_to_next", wait_and_meanwhile)
    begun = time.monotonic()
    assert taken(broker) == ["between"]
    assert time.monotonic() - begun < 40


@on_postgresql
def test_it_joins_the_callers_transaction(broker: PostgreSQLBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "MOST_SECONDS", 0.05)
    rolled_back(lambda: broker.enqueue("rolled back"))
    assert taken(broker) == taken(broker) == []


@on_postgresql
def test_connections_that_are_cut_are_made_anew(
    broker: PostgreSQLBroker,
    another: Callable[..., Any],
    cut_connections: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(postgresql, "OUTAGE_SECONDS", 0.01)
    monkeypatch.setattr(postgresql, "MOST_SECONDS", 0.05)
    assert taken(broker) == taken(broker) == []
    assert another(cut_connections) >= 2
    broken = taken(broker)
    assert broken == []
    assert "does not answer" in caplog.text
    another(lambda: broker.enqueue("after"))
    assert ["after"] in [taken(broker) for _ in range(4)]


@on_postgresql
def test_a_child_does_not_listen_on_its_parents_connection(broker: PostgreSQLBroker) -> None:
    assert broker._ear.open()
    assert not broker._ear.open()
    inherited = broker._ear._connection
    broker._ear._process = os.getppid()  # as it looks in a child
    assert broker._ear.open()
    assert broker._ear._connection is not inherited
    assert not inherited.closed
    inherited.close()


@on_postgresql
def test_it_says_what_it_is(broker: PostgreSQLBroker) -> None:
    assert broker.ping()
    assert broker.info() == "PostgreSQL default"


@on_postgresql
def test_a_pickled_one_works(broker: PostgreSQLBroker) -> None:
    """django-q2 hands it to its processes so where they are not forked."""
    copy = PostgreSQLBroker.__new__(PostgreSQLBroker)
    copy.__setstate__(broker.__getstate__())
    broker.enqueue("x")
    assert taken(copy) == ["x"]
    copy.close()
