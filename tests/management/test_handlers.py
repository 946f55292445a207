"""`manage.py agents_handlers`: what it shows, releases, skips and forgets, and what it refuses."""

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from agents_app.core.events import RecordedEvent
from agents_app.management.commands import agents_handlers
from agents_app.models import EventCursor
from agents_app.runtime.handling import deliver
from agents_app.services import Run, start_run
from agents_app.testing import AgentsKit
from tests.ears import Ear, ear, no_handlers
from tests.office import Clerk, open_office

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    with no_handlers(), open_office():
        yield


def ran(*args: Any) -> str:
    out = StringIO()
    call_command("agents_handlers", *args, stdout=out)
    return out.getvalue()


def boom(event: RecordedEvent) -> None:
    raise RuntimeError("no luck")


@pytest.fixture
def broken(agents: AgentsKit) -> tuple[Ear, list[Run[Any]]]:
    """A handler that is parked for two runs."""
    found = ear("run.started", does=boom, attempts=1)
    runs = [start_run(Clerk, "x"), start_run(Clerk, "y")]
    deliver()
    return found, runs


def parked() -> int:
    return EventCursor.objects.parked().count()


def test_without_handlers_it_says_how_to_write_one() -> None:
    assert "event_handlers.py" in ran()
    assert json.loads(ran("--json")) == {"handlers": [], "parked": []}


def test_it_lists_handlers_and_what_is_parked(broken: tuple[Ear, list[Run[Any]]]) -> None:
    ear("run.failed", name="fresh")
    text = ran()
    assert "ear\n" in text
    assert "parked for 2 runs" in text
    assert "not yet registered" in text
    assert "no luck" in text
    assert str(broken[1][0].id) in text
    with no_handlers():
        assert "not in the code here" in ran()


def test_as_json(broken: tuple[Ear, list[Run[Any]]]) -> None:
    found = json.loads(ran("--json"))
    (handler,) = found["handlers"]
    assert (handler["name"], handler["known"], handler["waiting"], handler["parked"]) == ("ear", True, 0, 2)
    assert {row["run"] for row in found["parked"]} == {str(run.id) for run in broken[1]}
    assert {(row["event"], row["attempts"]) for row in found["parked"]} == {(1, 1)}


def test_release_and_skip(broken: tuple[Ear, list[Run[Any]]], monkeypatch: pytest.MonkeyPatch) -> None:
    handler, (first, _) = broken
    handler.does = None
    assert "Released for 1 run." in ran("--release", "ear", "--run", str(first.id))
    assert parked() == 1
    monkeypatch.setattr(agents_handlers, "MOST", 1)
    assert "There may be more" in ran("--skip", "ear")
    assert parked() == 0
    deliver()
    assert [event.run_id for event in handler.heard[2:]] == [first.id]
    assert "Released for no runs." in ran("--release", "ear")


def test_forget(broken: tuple[Ear, list[Run[Any]]]) -> None:
    with pytest.raises(CommandError, match="still in the code"):
        ran("--forget", "ear")
    with no_handlers():
        assert "Forgotten, with 2 cursors." in ran("--forget", "ear")
    assert not EventCursor.objects.exists()


def test_run_alone_is_refused(broken: tuple[Ear, list[Run[Any]]]) -> None:
    with pytest.raises(CommandError, match="goes with"):
        ran("--run", str(broken[1][0].id))
    with pytest.raises(CommandError, match="There is no run"):
        ran("--release", "ear", "--run", "0" * 32)
