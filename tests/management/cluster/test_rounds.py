"""Chores are done in time, and go on whatever fails."""

import logging

import pytest
from django.db import OperationalError, connections

from agents_app.management.cluster import rounds
from agents_app.management.cluster.rounds import Chore


def no_outage(error: Exception) -> None:
    raise error


def test_it_is_done_when_it_is_time() -> None:
    done: list[int] = []
    chore = Chore(1.0, lambda: done.append(1), no_outage)
    for now in (10.0, 10.5, 11.0, 11.9):
        chore.do(now)
    assert len(done) == 2


def test_it_is_done_less_often_while_it_fails() -> None:
    moments: list[float] = []
    chore = Chore(1.0, lambda: False, no_outage)
    now = 0.0
    chore._work = lambda: moments.append(now) or False  # type: ignore[func-returns-value]
    for step in range(100):
        now = float(step)
        chore.do(now)
    assert moments == [0, 2, 6, 14, 30, 60, 90]


@pytest.mark.django_db
def test_an_outage_is_said_once(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    caplog.set_level(logging.INFO, "agents_app.cluster")
    hosts: list[str] = []

    def look() -> None:
        if not hosts:
            raise OperationalError("no such\n\thost")

    monkeypatch.setattr(rounds, "oldest_due", look)
    monkeypatch.setattr(connections, "close_all", lambda: None)
    monkeypatch.setattr(rounds.recovery, "wake", look)
    made = rounds.Rounds()
    for now in range(0, 1000, 100):
        for chore in made._chores:
            chore.do(float(now))
        if now == 500:
            hosts.append("box")
    assert caplog.text.count("does not answer: no such host") == 1
    assert caplog.text.count("answers again") == 1
    assert made.last is not None


def test_nothing_ends_it(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> None:
        raise ValueError("oh")

    Chore(1.0, broken, no_outage).do(0.0)
    assert "Looking after the runs failed" in caplog.text
