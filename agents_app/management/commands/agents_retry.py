"""manage.py agents_retry"""

from typing import Any

from agents_app.management.control import GoOnCommand
from agents_app.services import Run, retry_run


class Command(GoOnCommand):
    help = "Let a failed run go on. Settled calls are kept; steps and time start anew."

    def go_on(self, run_id: Any, *, by: Any, accept_changes: str | None) -> Run[Any]:
        return retry_run(run_id, by=by, accept_changes=accept_changes)
