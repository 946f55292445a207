"""manage.py agents_restore"""

from typing import Any

from django.core.management.base import CommandParser

from agents_app.conf import conf
from agents_app.management.base import AgentsCommand
from agents_app.management.exits import Exit
from agents_app.management.finding import find
from agents_app.models import ArchivedRun
from agents_app.services import restore_run


class Command(AgentsCommand):
    help = (
        "Bring an archived run back into the database, to be read. It is marked as restored and cannot be retried; "
        "agents_archive puts it away again after RESTORED_DAYS."
    )

    def add_own(self, parser: CommandParser) -> None:
        parser.add_argument("run", help="The run's id, or the beginning of it.")

    def act(self, **options: Any) -> Exit | None:
        run = restore_run(find(ArchivedRun.objects.all(), options["run"]).pk)
        days = f"{conf.RESTORED_DAYS:g} days"
        self.console.line(f"Run {run.id} of {run.agent} is back for {days}: agents_show {run.id}", style="SUCCESS")
        return None
