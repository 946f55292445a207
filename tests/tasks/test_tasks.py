"""What queues call: never raises, returns None."""

from typing import Any

import pytest

from agents_app import tasks
from agents_app.core.status import RunStatus
from agents_app.runtime import drive, recovery
from agents_app.services import start_run
from agents_app.testing import AgentsKit
from tests import office
from tests.office import Clerk

pytestmark = pytest.mark.django_db


def test_continue_run(agents: AgentsKit) -> None:
    with office.open_office():
        agents.scripted_llm(Clerk, "Done.")
        run = start_run(Clerk, "x")
        assert tasks.continue_run(str(run.id)) is None  # type: ignore[func-returns-value]
        assert run.again().status is RunStatus.COMPLETED
        tasks.continue_run(str(run.id))


@pytest.mark.parametrize("message", ["nonsense", "", None, 7, "00000000-0000-0000-0000-000000000000"])
def test_nonsense(message: Any) -> None:
    assert tasks.continue_run(message) is None  # type: ignore[func-returns-value]


def test_nothing_is_raised_into_the_queue(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def away() -> None:
        raise ConnectionError("no database")

    monkeypatch.setattr(drive, "engine", away)
    tasks.continue_run("00000000-0000-0000-0000-000000000000")
    assert "Driving failed" in caplog.text


def test_recover_sweeps(monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[int] = []
    monkeypatch.setattr(recovery, "sweep", lambda: passes.append(1))
    assert tasks.recover() is None  # type: ignore[func-returns-value]
    assert passes == [1]
