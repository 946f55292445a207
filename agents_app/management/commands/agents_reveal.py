"""manage.py agents_reveal"""

from typing import Any

from agents_app.management.control import ControlCommand
from agents_app.services import Run, reveal_run


class Command(ControlCommand):
    help = "Let a hidden run be seen again."

    def control(self, run_id: Any, *, by: Any, reason: str) -> Run[Any]:
        return reveal_run(run_id, by=by)
