"""manage.py agents_recover"""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from agents_app.management.base import AgentsCommand
from agents_app.management.clock import Clock
from agents_app.management.console import counted
from agents_app.management.exits import Exit
from agents_app.runtime.recovery import Sweep, sweep


class Command(AgentsCommand):
    help = (
        "The sweep: send a new wake-up for every run that is due and that nobody works on. The cluster does this by "
        "itself; run it from cron too, so that a dead cluster's queue is filled again. Leaves with 1 if the queue "
        "does not take them."
    )
    reads = True

    def add_own(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only say what would be sent.")
        text = "Go on with it every so many seconds until SIGTERM or Ctrl-C, for executors that have no cluster."
        parser.add_argument("--every", type=float, metavar="SECONDS", help=text)

    def act(self, **options: Any) -> Exit | None:
        every = options["every"]
        if every is not None:
            if options["dry_run"] or options["json"] or not every > 0:
                raise CommandError(
                    "--every is a number above 0, without --dry-run and --json.", returncode=Exit.INVALID
                )
            Clock(every).run()
            return None
        found = sweep(dry_run=options["dry_run"])
        if options["json"]:
            self.print_json(
                {
                    "due": found.due,
                    "stale_leases": found.stale_leases,
                    "hinted": [str(run_id) for run_id in found.hinted],
                    "refused": found.refused,
                }
            )
        else:
            self._tell(found, "would be" if options["dry_run"] else "was" if len(found.hinted) == 1 else "were")
        return Exit.FAILED if found.refused else None

    def _tell(self, found: Sweep, were: str) -> None:
        due = f"{counted(found.due, 'run')} {'is' if found.due == 1 else 'are'} due"
        silent = f"; {counted(found.stale_leases, 'worker')} gave no sign in time" if found.stale_leases else ""
        self.console.line(f"{due[0].upper()}{due[1:]}{silent}.")
        hints = counted(len(found.hinted), "wake-up")
        self.console.line(f"{hints[0].upper()}{hints[1:]} {were} sent.")
        for run_id in found.hinted:
            self.console.line(str(run_id), indent=2)
        if found.refused:
            refused = counted(found.refused, "wake-up")
            self.console.line(f"The queue did not take {refused}; the log says why, and the next sweep tries again.")
