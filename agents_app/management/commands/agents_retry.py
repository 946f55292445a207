"""manage.py agents_retry"""

from typing import Any

from agents_app.management.control import ControlCommand
from agents_app.services import Run, retry_run


class Command(ControlCommand):
    help = "Let a failed run go on. Settled calls are kept; steps and time start anew."

    def control(self, run_id: Any, *, by: Any, reason: str) -> Run[Any]:
        return retry_run(run_id, by=by)
