"""manage.py agents_memory_export"""

from typing import Any

from django.core.management.base import CommandParser

from agents_app.management.base import AgentsCommand, add_as, person
from agents_app.management.exits import Exit
from agents_app.management.files import write_or_print
from agents_app.services import export_memory


class Command(AgentsCommand):
    help = (
        "Write all that is kept of a person as JSON: what agents remember of them, with its history, and what was said "
        "and done in their runs, archived ones too. However much there is, little memory is used."
    )

    def add_own(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="The person, by natural key (the user name, or what stands for it).")
        parser.add_argument(
            "--output", metavar="FILE", help="A file that is not there yet. Default, or -: standard output."
        )
        parser.add_argument(
            "--no-archives", action="store_true", help="Leave archived runs out; their files stay unread."
        )
        add_as(parser, required=False)

    def act(self, **options: Any) -> Exit | None:
        by, whose = person(options["as_user"]), person(options["user"])
        pieces = export_memory(whose, by=by, archives=not options["no_archives"])
        write_or_print(self.stdout, pieces, options["output"])
        return None
