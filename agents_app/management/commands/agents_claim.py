"""manage.py agents_claim"""

from typing import Any

from django.core.management.base import CommandParser

from agents_app.management.base import AgentsCommand, add_as, person
from agents_app.management.finding import find
from agents_app.selectors.people import visible_approvals
from agents_app.services import claim_request


class Command(AgentsCommand):
    help = "Take an approval request on: others see that somebody looks after it, and may still decide."

    def add_own(self, parser: CommandParser) -> None:
        parser.add_argument("id", help="The approval request's id, or the beginning of it; agents_inbox lists them.")
        add_as(parser, required=True)

    def act(self, **options: Any) -> None:
        by = person(options["as_user"])
        request = find(visible_approvals(by), options["id"])
        made = claim_request(request.pk, by=by)
        self.console.line(f"Taken on by {made.claimed_by_name}.", style="SUCCESS")
