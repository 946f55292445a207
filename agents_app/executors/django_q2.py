"""The default executor: a django-q2 task per wake-up."""

from datetime import datetime
from uuid import UUID

from django_q.tasks import async_task

TASK = "agents_app.tasks.continue_run"


class DjangoQ2Executor:
    """Sends the run's id alone. django-q2 has no delayed tasks: what is due later is found by the clock."""

    delays = False

    def submit(self, run_id: UUID, run_at: datetime | None = None) -> None:
        """Queue a wake-up; results are not kept and a failure is not redelivered for ever."""
        async_task(TASK, str(run_id), save=False, ack_failure=True, group="agents_app")
