"""manage.py agents_release"""

from typing import Any

from django.core.management.base import CommandParser

from agents_app.management.base import AgentsCommand, add_as, person
from agents_app.management.finding import find
from agents_app.selectors.people import visible_approvals
from agents_app.services import release_request


class Command(AgentsCommand):
    help = "Give an approval request back that was taken on. Others' claims need reassign_approvalrequest."

    def add_own(self, parser: CommandParser) -> None:
        parser.add_argument("id", help="The approval request's id, or the beginning of it; agents_inbox lists them.")
        add_as(parser, required=False)

    def act(self, **options: Any) -> None:
        by = person(options["as_user"])
        request = find(visible_approvals(by), options["id"])
        release_request(request.pk, by=by)
        self.console.line("Nobody has it now.", style="SUCCESS")
