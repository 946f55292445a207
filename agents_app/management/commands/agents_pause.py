"""manage.py agents_pause"""

from typing import Any

from agents_app.management.control import ControlCommand
from agents_app.services import Run, pause_run


class Command(ControlCommand):
    help = "Hold a run: what has started ends, nothing new is started."
    gives_reason = True

    def control(self, run_id: Any, *, by: Any, reason: str) -> Run[Any]:
        return pause_run(run_id, by=by, reason=reason)
