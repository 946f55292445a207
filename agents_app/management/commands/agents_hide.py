"""manage.py agents_hide"""

from typing import Any

from agents_app.management.control import ControlCommand
from agents_app.services import Run, hide_run


class Command(ControlCommand):
    help = "Hide an ended run from everybody but people with the permission view_hidden. Nothing is deleted."
    gives_reason = True

    def control(self, run_id: Any, *, by: Any, reason: str) -> Run[Any]:
        return hide_run(run_id, by=by, reason=reason)
