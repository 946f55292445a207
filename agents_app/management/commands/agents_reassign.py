"""manage.py agents_reassign"""

from typing import Any

from django.core.management.base import CommandParser

from agents_app.management.base import AgentsCommand, add_as, person
from agents_app.management.finding import find
from agents_app.selectors.people import visible_approvals
from agents_app.services import reassign_request


class Command(AgentsCommand):
    help = "Hand an approval request to somebody who may decide on it."

    def add_own(self, parser: CommandParser) -> None:
        parser.add_argument("id", help="The approval request's id, or the beginning of it; agents_inbox lists them.")
        parser.add_argument("--to", metavar="USER", required=True, help="Who gets it: the user's natural key.")
        add_as(parser, required=False)

    def act(self, **options: Any) -> None:
        by = person(options["as_user"])
        request = find(visible_approvals(by), options["id"])
        made = reassign_request(request.pk, to=person(options["to"]), by=by)
        self.console.line(f"Handed to {made.claimed_by_name}.", style="SUCCESS")
