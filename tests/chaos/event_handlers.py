"""An event handler, so that processes are killed while they call it."""

from agents_app import on
from agents_app.core.events import RecordedEvent
from tests.chaos import diary


@on("run.completed", "run.failed", "run.cancelled", name="chaos.ended", timeout=2.0, attempts=1_000)
def note_end(event: RecordedEvent) -> None:
    """This run has ended."""
    diary.write("told", run=event.run_id, sequence=event.sequence)
