"""manage.py agents_archive"""

from typing import Any

from django.core.management.base import CommandParser

from agents_app.management.base import AgentsCommand
from agents_app.management.console import counted
from agents_app.management.exits import Exit
from agents_app.services import archive_runs


class Command(AgentsCommand):
    help = (
        "Move runs that ended long ago out of the database, into compressed files of the storage “agents_archive”. "
        "Each file is written and read back before its rows go. Safe on many hosts at once, and to stop and repeat."
    )
    reads = True

    def add_own(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=float, help="Since the run's end. Default: ARCHIVE_AFTER_DAYS.")
        parser.add_argument(
            "--failed-days", type=float, help="The same for failed runs. Default: ARCHIVE_FAILED_AFTER_DAYS, or --days."
        )
        parser.add_argument("--limit", type=int, metavar="RUNS", help="At most so many.")
        parser.add_argument("--dry-run", action="store_true", help="Only say how many would be moved.")

    def act(self, **options: Any) -> Exit | None:
        done = archive_runs(
            days=options["days"],
            failed_days=options["failed_days"],
            limit=options["limit"],
            dry_run=options["dry_run"],
        )
        if options["json"]:
            self.print_json({name: getattr(done, name) for name in ("runs", "archives", "put_away", "removed")})
            return None
        would = "would be " if options["dry_run"] else ""
        files = "" if options["dry_run"] else f" in {counted(done.archives, 'archive')}"
        text = f"{counted(done.runs, 'run')} {would}archived{files}."
        self.console.line(text[0].upper() + text[1:])
        if done.put_away:
            self.console.line(f"{counted(done.put_away, 'restored run')} {would}put away again.".capitalize())
        if done.removed:
            self.console.line(f"{counted(done.removed, 'file')} removed that nothing relies on.".capitalize())
        return None
