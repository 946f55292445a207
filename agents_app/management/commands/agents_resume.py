"""manage.py agents_resume"""

from typing import Any

from agents_app.management.control import ControlCommand
from agents_app.services import Run, resume_run


class Command(ControlCommand):
    help = "Let a paused run go on."

    def control(self, run_id: Any, *, by: Any, reason: str) -> Run[Any]:
        return resume_run(run_id, by=by)
