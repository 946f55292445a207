"""Sends wake-ups through Celery. What its workers do with them is in `agents_app.tasks.celery`."""

from datetime import datetime
from uuid import UUID

from celery import current_app
from django.utils import timezone

CONTINUE = "agents_app.continue_run"
"""The name of the task."""

MOST_SECONDS = 600.0
"""A wake-up for later than this is not sent: a worker holds it unacknowledged until then, and what is held for longer
than the broker's visibility timeout is delivered again and again."""


ONCE_MORE = {"max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.1}
"""For a pooled connection that had gone stale. Without it kombu waits for six seconds for a broker that is away."""


class CeleryExecutor:
    """Sends the run's id alone, to the project's Celery app."""

    delays = True

    def submit(self, run_id: UUID, run_at: datetime | None = None) -> None:
        """Send it. Raises soon if the broker is away: the sweep sends another, and nobody waits here meanwhile."""
        if run_at is not None and (run_at - timezone.now()).total_seconds() > MOST_SECONDS:
            return
        current_app.send_task(
            CONTINUE,
            args=[str(run_id)],
            eta=run_at,
            ignore_result=True,
            retry=True,
            retry_policy=ONCE_MORE,
            add_to_parent=False,
        )
