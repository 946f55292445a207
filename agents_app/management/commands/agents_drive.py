"""manage.py agents_drive"""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from agents_app.management.base import AgentsCommand
from agents_app.management.exits import Exit
from agents_app.runtime.shift import work_for


class Command(AgentsCommand):
    help = (
        "Drive the runs that are due in this process, up to RUNS_PER_WORKER at the same time, until none is; for cron, "
        "where there is no queue. Safe beside other workers and beside another of itself."
    )

    def add_own(self, parser: CommandParser) -> None:
        text = (
            "Seconds after which it leaves, with open calls given up to half of them. Default: a slice and its drain."
        )
        parser.add_argument("--seconds", type=float, metavar="SECONDS", help=text)

    def act(self, **options: Any) -> Exit | None:
        if options["seconds"] is not None and not options["seconds"] > 0:
            raise CommandError("--seconds is a number above 0.", returncode=Exit.INVALID)
        work_for(options["seconds"])
        return None
