"""manage.py agents_switch_on"""

from typing import Any

from django.core.management.base import CommandParser

from agents_app.exceptions import InvalidInput, NotFound
from agents_app.management.base import AgentsCommand, add_as, person
from agents_app.models.kill_switch import described
from agents_app.selectors.switches import visible_switches
from agents_app.services import switch_on


class Command(AgentsCommand):
    help = "End what agents_switch_off began: let calls start again. Those that were rejected meanwhile stay so."

    def add_own(self, parser: CommandParser) -> None:
        parser.add_argument("--agent", default="", help="The agent that was named.")
        parser.add_argument("--tool", default="", help="The tool that was named.")
        parser.add_argument("--all", action="store_true", help="What was switched off with --all.")
        parser.add_argument("--reason", default="", help="Why.")
        add_as(parser, required=False)

    def act(self, **options: Any) -> None:
        agent, tool = options["agent"], options["tool"]
        if options["all"] is bool(agent or tool):
            raise InvalidInput("Say what: --agent, --tool, or --all.")
        by = person(options["as_user"])
        row = visible_switches(by).filter(agent=agent, tool=tool, on_at=None).first()
        if row is None:
            raise NotFound(f"This is not switched off as such: {described(agent, tool)}.")
        self.console.line(f"On: {switch_on(row.pk, by=by, reason=options['reason'])}")
