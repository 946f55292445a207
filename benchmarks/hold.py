"""An executor that runs nothing: the case drives what is due by itself."""

from datetime import datetime
from uuid import UUID


class Hold:
    """Takes every hint, and does nothing."""

    delays = False

    def submit(self, run_id: UUID, run_at: datetime | None = None) -> None:
        """The rows say that the run is due."""
