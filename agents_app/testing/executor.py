"""A queue that does nothing by itself."""

from datetime import datetime
from uuid import UUID

WAITING = "agents_app.testing.executor.WaitingExecutor"


class WaitingExecutor:
    """Takes wake-ups and forgets them: runs go on only when the test calls `run_until_idle`."""

    delays = False

    def submit(self, run_id: UUID, run_at: datetime | None = None) -> None:
        """Do nothing: the row says that the run is due."""
