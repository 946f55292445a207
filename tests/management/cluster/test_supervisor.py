"""What the supervisor decides, with clusters that only say what they are told to."""

import logging
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections

from agents_app.management.cluster import rounds
from agents_app.management.cluster import supervisor as module
from agents_app.management.cluster.supervisor import Supervisor
from agents_app.models import AgentContext
from agents_app.services import start_run
from tests.office import Clerk, open_office

pytestmark = pytest.mark.django_db(transaction=True)


class FakeCluster:
    """One that does nothing."""

    pid = 4711
    made: list["FakeCluster"] = []

    def __init__(self, grace: float) -> None:
        self.code: int | None = None
        self.asked = False
        self.killed = False
        self.ends = True
        self.made.append(self)

    def ended(self) -> int | None:
        return self.code

    def signs_came(self) -> bool:
        return False

    def ask_to_end(self) -> None:
        self.asked = True
        self.code = 0 if self.ends else None

    def kill(self) -> None:
        self.killed = True


@pytest.fixture(autouse=True)
def made(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[list[FakeCluster]]:
    """The clusters that were started."""
    caplog.set_level(logging.INFO, "agents_app.cluster")
    FakeCluster.made = []
    monkeypatch.setattr(module, "Cluster", FakeCluster)
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.02)
    for name in ("STEP_SECONDS", "WAKE_SECONDS", "LOOK_SECONDS", "NUDGE_SECONDS"):
        monkeypatch.setattr(rounds, name, 0.02)
    with open_office():
        yield FakeCluster.made


def run_until(found: Callable[[], object], supervisor: Supervisor, seconds: float = 60) -> bool:
    """Let it run on this thread until it is so, then send SIGTERM; what `run` gave."""
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.01) and not found():
            pass
        connections.close_all()
        os.kill(os.getpid(), signal.SIGTERM)

    watcher = threading.Thread(target=watch)
    watcher.start()
    timer = threading.Timer(seconds, stop.set)
    timer.start()
    try:
        return supervisor.run()
    finally:
        watcher.join()
        timer.cancel()


def due_run() -> Any:
    return start_run(Clerk, "x")


@pytest.fixture
def waiting(settings: Any) -> None:
    """Runs stay due, and stall soon."""
    executor = "agents_app.testing.executor.WaitingExecutor"
    settings.AGENTS_APP = {**settings.AGENTS_APP, "EXECUTOR": executor, "STALL_SECONDS": 0.2}


def test_it_starts_one_and_ends_it(made: list[FakeCluster]) -> None:
    assert run_until(lambda: made, Supervisor(5))
    (one,) = made
    assert one.asked
    assert one.killed  # whoever is left of its group


def test_the_signals_are_given_back(made: list[FakeCluster]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    run_until(lambda: made, Supervisor(5))
    assert signal.getsignal(signal.SIGTERM) is before


def test_one_that_does_not_end_is_killed(made: list[FakeCluster], caplog: pytest.LogCaptureFixture) -> None:
    def stubborn() -> bool:
        for one in made:
            one.ends = False
        return bool(made)

    assert not run_until(stubborn, Supervisor(0.1))
    assert made[0].killed
    assert "did not end in time" in caplog.text


def test_one_that_dies_is_followed_by_another(made: list[FakeCluster], caplog: pytest.LogCaptureFixture) -> None:
    def die_twice() -> bool:
        for one in made[:2]:
            one.code = 1
        return len(made) == 3

    run_until(die_twice, Supervisor(5))
    assert len(made) == 3
    assert all(one.killed for one in made)
    assert caplog.text.count("ended unasked with code 1") == 2


@pytest.mark.parametrize(("works", "pauses"), [(False, ["0", "10", "20", "30"]), (True, ["0", "0", "0", "0"])])
def test_one_that_dies_at_once_is_started_later_and_later(
    works: bool, pauses: list[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 10.0)
    monkeypatch.setattr(module, "MOST_PAUSE", 30.0)
    supervisor = Supervisor(5)
    for now in (100.0, 200.0, 300.0, 400.0):
        supervisor._start(now)
        if works:
            supervisor._progress.sign(now + 1)
        supervisor._has_died(1, now + 2)
    assert re.findall(r"again in (\d+) s", caplog.text) == pauses


@pytest.mark.usefixtures("waiting")
def test_one_that_stalls_is_replaced(
    made: list[FakeCluster], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeCluster, "signs_came", lambda one: made.index(one) >= 2)  # the third one works
    due_run()
    run_until(lambda: len(made) == 3, Supervisor(5))
    assert len(made) == 3
    assert made[0].killed
    assert "no worker of this cluster did anything" in caplog.text
    critical = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert "the queue itself may be dead" in critical[0].getMessage()


@pytest.mark.usefixtures("waiting")
def test_one_that_gives_signs_is_not(made: list[FakeCluster], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeCluster, "signs_came", lambda one: True)
    due_run()
    looks = iter(range(60))
    run_until(lambda: next(looks, None) is None, Supervisor(5))
    assert len(made) == 1


@pytest.mark.usefixtures("waiting")
def test_a_suspect_is_given_wake_ups(made: list[FakeCluster], monkeypatch: pytest.MonkeyPatch) -> None:
    nudges: list[float] = []
    monkeypatch.setattr(rounds.recovery, "nudge", lambda: nudges.append(1))
    due_run()
    run_until(lambda: nudges, Supervisor(5), seconds=60)  # before it is replaced, or before the next one is
    assert nudges


@pytest.mark.usefixtures("waiting")
def test_what_is_due_is_hinted_at(made: list[FakeCluster]) -> None:
    run = due_run()
    hinted = AgentContext.objects.filter(pk=run.id, hints__gte=1)
    run_until(hinted.exists, Supervisor(5))
    assert hinted.exists()


def test_a_database_that_hangs_does_not_keep_it_from_its_signals(
    made: list[FakeCluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    back = threading.Event()
    monkeypatch.setattr(rounds, "STOP_SECONDS", 0.01)
    monkeypatch.setattr(rounds.recovery, "wake", lambda: back.wait(90))
    begun = time.monotonic()
    assert run_until(lambda: made, Supervisor(5))
    assert time.monotonic() - begun < 60
    back.set()
