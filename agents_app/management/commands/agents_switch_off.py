"""manage.py agents_switch_off"""

from typing import Any

from django.core.management.base import CommandParser

from agents_app.exceptions import InvalidInput
from agents_app.management.base import AgentsCommand, add_as, person
from agents_app.models import KillSwitch
from agents_app.selectors.switches import switch_as_dict, visible_switches
from agents_app.services import switch_off


class Command(AgentsCommand):
    help = "The kill switch: let no call of a tool, of an agent, or any call start. --list: what is switched off."
    reads = True

    def add_own(self, parser: CommandParser) -> None:
        parser.add_argument("--agent", default="", help="This agent.")
        parser.add_argument("--tool", default="", help="This tool (with --agent: of that agent alone).")
        parser.add_argument("--all", action="store_true", help="Everything.")
        parser.add_argument("--reason", default="", help="Why; staff and the agents read it.")
        parser.add_argument("--list", action="store_true", help="Only list what is switched off.")
        add_as(parser, required=False)

    def act(self, **options: Any) -> None:
        by = person(options["as_user"])
        if options["list"]:
            rows = list(visible_switches(by).filter(on_at=None))
        else:
            if options["all"] is bool(options["agent"] or options["tool"]):
                raise InvalidInput("Say what: --agent, --tool, or --all.")
            rows = [switch_off(by=by, reason=options["reason"], agent=options["agent"], tool=options["tool"])]
        if options["json"]:
            self.print_json([switch_as_dict(row) for row in rows])
            return
        for row in rows:
            self.console.line(sentence(row))
        if not rows:
            self.console.line("Nothing is switched off.")


def sentence(row: KillSwitch) -> str:
    """How the switch stands, for people."""
    if row.on_at is None:
        return f"Off: {row}, by {row.off_by} since {row.off_at:%Y-%m-%d %H:%M:%S}: {row.reason}"
    return f"On: {row}, by {row.on_by} since {row.on_at:%Y-%m-%d %H:%M:%S}"
