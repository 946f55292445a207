"""manage.py agents_rotate_keys"""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, CommandParser

from agents_app.management.base import AgentsCommand
from agents_app.management.console import counted
from agents_app.management.exits import Exit
from agents_app.services import rotate_keys


class Command(AgentsCommand):
    help = (
        "Seal sensitive arguments anew with the first of ENCRYPTION_KEYS, in rows and in archives; then the other keys "
        "can be removed. Safe to stop and repeat. Leaves with 1 if something is sealed with a key that is not there."
    )
    reads = True

    def add_own(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only say what would be sealed anew.")

    def act(self, **options: Any) -> Exit | None:
        try:
            done = rotate_keys(dry_run=options["dry_run"])
        except ImproperlyConfigured as error:
            raise CommandError(str(error), returncode=Exit.INVALID) from error
        if options["json"]:
            self.print_json({"calls": done.calls, "archives": done.archives, "unknown": done.unknown})
        else:
            would = "would be " if options["dry_run"] else ""
            text = f"{counted(done.calls, 'call')} and {counted(done.archives, 'archive')} {would}sealed anew."
            self.console.line(text[0].upper() + text[1:])
            if done.unknown:
                lost = counted(done.unknown, "call or archive", "calls or archives")
                advice = "put the old key back at the end of ENCRYPTION_KEYS."
                self.console.text(f"{lost} cannot be opened: {advice}", style="ERROR")
        return Exit.FAILED if done.unknown else None
