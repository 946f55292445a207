"""Signs of life and being let go, between two ends in one process."""

import os
import threading
import time
from collections.abc import Iterator

import pytest

from agents_app.management.cluster import leash as module
from agents_app.management.cluster.leash import Leash, Worker

pytestmark = pytest.mark.once


@pytest.fixture
def leash() -> Iterator[Leash]:
    leash = Leash.new()
    yield leash
    leash.close()
    leash.handed_over()


@pytest.fixture
def killed() -> threading.Event:
    """Set where the whole group would be killed."""
    return threading.Event()


def worker(leash: Leash, killed: threading.Event, *, grace: float = 60, timeout: float | None = None) -> Worker:
    sign, held = leash.given
    return Worker(sign=sign, held=held, closing=threading.Event(), grace=grace, timeout=timeout, kill=killed.set)


def wait_for_sign(leash: Leash, seconds: float = 30) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if leash.signs_came():
            return True
        time.sleep(0.01)
    return False


def test_a_task_gives_signs_when_it_begins_and_ends(leash: Leash, killed: threading.Event) -> None:
    one = worker(leash, killed)
    assert not leash.signs_came()
    one.begin()
    assert leash.signs_came()
    assert not leash.signs_came()
    one.end()
    assert leash.signs_came()


def test_signs_that_nobody_reads_do_no_harm(leash: Leash, killed: threading.Event) -> None:
    one = worker(leash, killed)
    for _ in range(100_000):
        one.give_sign()
    assert leash.signs_came()


def test_signs_go_on_while_a_task_runs(leash: Leash, killed: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SIGN_SECONDS", 0.02)
    one = worker(leash, killed, grace=0)
    one.start()
    assert not wait_for_sign(leash, 0.2)
    one.begin()
    assert leash.signs_came()
    assert wait_for_sign(leash)
    assert wait_for_sign(leash)
    leash.let_go()
    assert killed.wait(30)


def test_no_longer_than_a_task_may_take(leash: Leash, killed: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SIGN_SECONDS", 0.02)
    one = worker(leash, killed, grace=0, timeout=0)
    one.start()
    one.begin()
    assert leash.signs_came()
    assert not wait_for_sign(leash, 0.3)
    leash.let_go()
    assert killed.wait(30)


def test_let_go_it_is_closing_and_later_kills_all(leash: Leash, killed: threading.Event) -> None:
    one = worker(leash, killed, grace=1.5)
    one.start()
    leash.let_go()
    leash.let_go()
    assert one.closing.wait(30)
    assert not killed.is_set()
    assert killed.wait(30)


def test_the_end_that_holds_is_not_inherited(leash: Leash) -> None:
    """Else a cluster would hold itself, and never hear that its supervisor died."""
    assert not os.get_inheritable(leash.hold)
