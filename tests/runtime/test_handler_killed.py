"""The process that calls an event handler is killed: what it was told, and is told again by the next one."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agents_app.models import EventCursor, database_now
from agents_app.selectors.handlers import CursorState, state_of
from agents_app.services import SYSTEM, cancel_run, start_run
from agents_app.testing.kit import queue_off
from agents_app.transitions import cursors
from tests.ears import cursor, ear, no_handlers
from tests.office import Clerk

ROOT = Path(__file__).parents[2]


def child(environment: dict[str, str], *arguments: object) -> int:
    """Call the handler in a process of its own; what the process ended with."""
    command = [sys.executable, "-m", "tests.runtime.handler_killed", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False, timeout=250).returncode


@pytest.mark.parametrize(
    ("moment", "noted", "heard"),
    [("handler.returned", 0, [1, 1, 2, 3]), ("cursor.noted", 1, [1, 2, 3])],
    ids=["before its progress is noted: told again", "between two events: nothing is lost, nothing told twice"],
)
def test_a_process_is_killed(
    child_environment: dict[str, str], tmp_path: Path, moment: str, noted: int, heard: list[int]
) -> None:
    file = tmp_path / "heard"
    with no_handlers(), queue_off():
        cursors.forget_registered()  # the rows of the test before are gone
        ear("run.*", name="noted")
        run = start_run(Clerk, "x")
        cancel_run(run.id, by=SYSTEM)
        assert child(child_environment, file, moment) == -signal.SIGKILL
        assert file.read_text().split() == ["1"]
        row = cursor("noted")
        assert (row.sequence, row.attempts, state_of(row)) == (noted, 1, CursorState.WAITING)
        assert row.due_at > database_now()  # until then it counts as being told
        EventCursor.objects.update(due_at=database_now())
        assert child(child_environment, file) == 0
    assert [int(line) for line in file.read_text().split()] == heard
    assert state_of(cursor("noted")) is CursorState.DONE
