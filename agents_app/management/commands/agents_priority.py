"""manage.py agents_priority"""

from typing import Any

from django.core.management.base import CommandParser

from agents_app.core.priority import Priority
from agents_app.management.control import ControlCommand
from agents_app.services import Run, set_priority


class Command(ControlCommand):
    help = "Change which run is taken first when more is due than workers can drive."

    def add_own(self, parser: CommandParser) -> None:
        super().add_own(parser)
        parser.add_argument("priority", choices=[str(each) for each in Priority], help="From now on.")

    def act(self, **options: Any) -> Any:
        self.priority = options["priority"]
        return super().act(**options)

    def control(self, run_id: Any, *, by: Any, reason: str) -> Run[Any]:
        return set_priority(run_id, self.priority, by=by)
