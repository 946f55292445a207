"""manage.py agents_recover --every"""

import os
import signal
from collections.abc import Callable

import pytest
from django.core.management import load_command_class
from django.db import OperationalError

from agents_app.management import clock
from agents_app.runtime import recovery
from tests.management.desk import manage


def passes(behaviour: Callable[[int], None], monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Which passes were made until SIGTERM came, in the fourth."""
    made: list[int] = []

    def sweep() -> None:
        made.append(len(made))
        if len(made) == 4:
            os.kill(os.getpid(), signal.SIGTERM)
        behaviour(len(made))

    load_command_class("agents_app", "agents_recover")  # what it binds at its import must not be the stand-in
    monkeypatch.setattr(recovery, "sweep", sweep)
    monkeypatch.setattr(clock.connections, "close_all", lambda: None)
    before = signal.getsignal(signal.SIGTERM)
    assert manage("agents_recover", "--every", "0.01").code == 0
    assert signal.getsignal(signal.SIGTERM) is before
    return made


def test_again_and_again_until_the_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert passes(lambda number: None, monkeypatch) == [0, 1, 2, 3]


def test_a_database_that_is_away_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(number: int) -> None:
        if number < 3:
            raise OperationalError("no such\nserver")

    assert len(passes(away, monkeypatch)) == 4
    assert [record.getMessage() for record in caplog.records] == ["The database does not answer: no such server"]


@pytest.mark.parametrize("arguments", [["0"], ["-1"], ["1", "--dry-run"], ["1", "--json"]])
def test_wrong(arguments: list[str]) -> None:
    done = manage("agents_recover", "--every", *arguments)
    assert done.code == 2
    assert "above 0" in done.error
