"""manage.py agents_reject"""

from typing import Any

from django.core.management.base import CommandParser

from agents_app.management.base import COMMAND, AgentsCommand, add_as, person
from agents_app.management.exits import Exit
from agents_app.management.finding import find
from agents_app.selectors.people import visible_approvals
from agents_app.services import reject


class Command(AgentsCommand):
    help = "Reject a call that waits for approval. The agent reads the reason and takes it up."

    def add_own(self, parser: CommandParser) -> None:
        parser.add_argument("id", help="The approval request's id, or the beginning of it; agents_inbox lists them.")
        parser.add_argument("--reason", required=True, help="Why not; the agent reads it.")
        add_as(parser, required=True)

    def act(self, **options: Any) -> Exit | None:
        user = person(options["as_user"])
        request = find(visible_approvals(user), options["id"])
        reject(request.pk, by=user, reason=options["reason"], digest=request.call.digest, origin=COMMAND)
        self.console.line(f"Rejected by {user.get_username()}.", style="SUCCESS")
        self.console.line(f"How it goes on: manage.py agents_show {request.context_id} --watch")
        return None
