"""manage.py agents_resume"""

from typing import Any

from agents_app.management.control import GoOnCommand
from agents_app.services import Run, resume_run


class Command(GoOnCommand):
    help = "Let a paused run go on."

    def go_on(self, run_id: Any, *, by: Any, accept_changes: str | None) -> Run[Any]:
        return resume_run(run_id, by=by, accept_changes=accept_changes)
