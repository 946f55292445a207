"""What happens when a change is committed, and when an LLM writes."""

import threading
import time
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import override_settings

from agents_app.live import publish
from agents_app.live.news import Changed, Delta, decode
from agents_app.live.senders import postgres_parameters
from agents_app.live.way import CHANNEL, LISTENING
from agents_app.models import PartialReply
from agents_app.services import SYSTEM, pause_run
from tests.live.runs import add_events


def live(way: str) -> override_settings:
    return override_settings(AGENTS_APP={**settings.AGENTS_APP, "LIVE": way})


def partials() -> list[dict[str, Any]]:
    return list(PartialReply.objects.values("context_id", "step", "attempt", "index", "text"))


def listener(*, says_so: bool = True) -> Any:
    import psycopg

    connection = psycopg.connect(**postgres_parameters())
    connection.execute(f"LISTEN {CHANNEL}")
    if says_so:
        connection.execute("SELECT pg_advisory_lock_shared(%s, %s)", LISTENING)
    return connection


def test_nothing_is_sent_where_readers_look_themselves(run_id: UUID) -> None:
    with live("poll"):
        add_events(run_id, 2)
    assert "agents_app.live" not in {thread.name for thread in threading.enumerate()}


def test_a_way_that_cannot_be_gone_neither_raises_nor_stops_the_change(
    run_id: UUID, caplog: pytest.LogCaptureFixture
) -> None:
    with live("pigeons"):
        assert pause_run(run_id, by=SYSTEM).version == 2
    assert "pigeons" in caplog.text


def test_where_nothing_carries_text_it_lies_in_one_row_per_run(run_id: UUID) -> None:
    with live("poll"):
        publish.delta(run_id, step=1, attempt=1, index=0, text="Your order ")
        assert publish.flush()
        publish.delta(run_id, step=1, attempt=1, index=1, text="is on \x00its way")
        assert publish.flush()
        expected = {"context_id": run_id, "step": 1, "attempt": 1, "index": 2}
        assert partials() == [{**expected, "text": "Your order is on �its way"}]
        publish.delta(run_id, step=3, attempt=2, index=0, text="New")
        assert publish.flush()
        assert partials() == [{"context_id": run_id, "step": 3, "attempt": 2, "index": 1, "text": "New"}]


def test_the_row_goes_when_the_run_has_moved_on(run_id: UUID) -> None:
    with live("poll"):
        publish.delta(run_id, step=1, attempt=1, index=0, text="Your order")
        assert publish.flush()
        add_events(run_id, 1)
        assert publish.flush()
    assert partials() == []


def test_text_of_a_run_that_is_not_there_is_dropped(transactional_db: None) -> None:
    with live("poll"):
        publish.delta(uuid4(), step=1, attempt=1, index=0, text="lost")
        assert publish.flush()
    assert partials() == []


@pytest.mark.postgresql_only
def test_a_commit_notifies_and_a_rollback_does_not(run_id: UUID) -> None:
    ears = listener()
    try:
        with transaction.atomic():
            add_events(run_id, 1)
            transaction.set_rollback(True)
        add_events(run_id, 1)
        publish.delta(run_id, step=1, attempt=1, index=0, text="Hi")
        assert publish.flush()
        news = [decode(one.payload) for one in ears.notifies(timeout=30, stop_after=2)]
    finally:
        ears.close()
    assert Changed(run_id=run_id, version=2) in news
    assert Delta(run_id=run_id, step=1, attempt=1, index=0, text="Hi") in news
    assert len(news) == 2


@pytest.mark.postgresql_only
def test_where_nobody_says_that_he_listens_nothing_is_sent(run_id: UUID) -> None:
    """A NOTIFY is a transaction that writes: it would cost as much as a step of a run."""
    until_nobody_listens()
    ears = listener(says_so=False)
    try:
        publish.announce(run_id, 2)
        assert publish.flush(30)
        ears.execute("SELECT pg_advisory_lock_shared(%s, %s)", LISTENING)
        publish.announce(run_id, 3)
        assert publish.flush(30)
        news = [decode(one.payload) for one in ears.notifies(timeout=30, stop_after=1)]
    finally:
        ears.close()
    assert news == [Changed(run_id=run_id, version=3)]


@pytest.mark.postgresql_only
def test_who_listens_is_told_also_while_others_are(run_id: UUID) -> None:
    """The lock that says so is shared by all who listen, and goes with the connection of the last."""
    first, second = listener(), listener()
    first.close()
    try:
        publish.announce(run_id, 2)
        assert publish.flush(30)
        assert [decode(one.payload) for one in second.notifies(timeout=30, stop_after=1)] == [
            Changed(run_id=run_id, version=2)
        ]
    finally:
        second.close()


def until_nobody_listens() -> None:
    """Those of tests before this one: the server takes notice of their end."""
    until = time.monotonic() + 30
    with connection.cursor() as cursor:
        while time.monotonic() < until:
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND (classid, objid) = (%s, %s)"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
                LISTENING,
            )
            if not cursor.fetchone()[0]:
                return
            time.sleep(0.01)
    raise AssertionError("Somebody still listens.")


@pytest.mark.postgresql_only
def test_the_publisher_leaves_no_connection_behind(run_id: UUID) -> None:
    add_events(run_id, 1)
    publish.shutdown()
    until = time.monotonic() + 30
    while connections_of_the_publisher() and time.monotonic() < until:
        time.sleep(0.01)  # the server takes notice of the end
    assert connections_of_the_publisher() == 0


def connections_of_the_publisher() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query ~ 'pg_notify' AND pid <> pg_backend_pid()"
        )
        return int(cursor.fetchone()[0])
