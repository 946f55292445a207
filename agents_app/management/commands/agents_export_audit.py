"""manage.py agents_export_audit"""

from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandParser

from agents_app.core.tables import FORMATS
from agents_app.exceptions import InvalidInput
from agents_app.management.base import AgentsCommand, add_as, person
from agents_app.management.exits import Exit
from agents_app.management.files import write_or_print
from agents_app.selectors.moments import moment
from agents_app.services import export_anchors, export_decisions


class Command(AgentsCommand):
    help = (
        "Write the decisions of a period as CSV or JSON: who, when, through which door, from where, why, on which "
        "call. However many there are, little memory is used."
    )

    def add_own(self, parser: CommandParser) -> None:
        parser.add_argument("--from", dest="since", metavar="MOMENT", help="The first day or moment (2026-12-01).")
        parser.add_argument("--to", metavar="MOMENT", help="Before this day or moment (2027-01-01).")
        parser.add_argument("--format", choices=list(FORMATS), default="csv", help="Default: csv.")
        parser.add_argument(
            "--output", metavar="FILE", help="A file that is not there yet. Default, or -: standard output."
        )
        parser.add_argument("--archives", action="store_true", help="Read archived runs, too; they come last.")
        parser.add_argument(
            "--what",
            choices=["decisions", "anchors"],
            default="decisions",
            help="anchors: the seals of all audit anchors, to be kept elsewhere and given to `agents_verify_audit "
            "--anchors`.",
        )
        add_as(parser, required=False)

    def act(self, **options: Any) -> Exit | None:
        texts = self._texts(person(options["as_user"]), options)
        write_or_print(self.stdout, texts, options["output"])
        return None

    def _texts(self, by: Any, options: dict[str, Any]) -> Iterator[str]:
        if options["what"] == "anchors":
            if options["since"] or options["to"] or options["archives"]:
                raise InvalidInput("--what anchors gives all anchors: leave out --from, --to and --archives.")
            return export_anchors(by=by, format=options["format"])
        if not options["since"] or not options["to"]:
            raise InvalidInput("Say of which period: --from 2026-12-01 --to 2027-01-01.")
        since, until = moment(options["since"], "--from"), moment(options["to"], "--to")
        return export_decisions(by=by, since=since, until=until, format=options["format"], archives=options["archives"])
