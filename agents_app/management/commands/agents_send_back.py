"""manage.py agents_send_back"""

from typing import Any

from django.core.management.base import CommandParser

from agents_app.management.base import COMMAND, AgentsCommand, add_as, person
from agents_app.management.exits import Exit
from agents_app.management.finding import find
from agents_app.selectors.people import visible_approvals
from agents_app.services import send_back


class Command(AgentsCommand):
    help = "Send a call that waits for approval back to the agent, with instructions. It may propose another."

    def add_own(self, parser: CommandParser) -> None:
        parser.add_argument("id", help="The approval request's id, or the beginning of it; agents_inbox lists them.")
        parser.add_argument("--instructions", required=True, help="What to do instead; the agent reads it.")
        add_as(parser, required=True)

    def act(self, **options: Any) -> Exit | None:
        user = person(options["as_user"])
        request = find(visible_approvals(user), options["id"])
        told: dict[str, Any] = {"instructions": options["instructions"], "digest": request.call.digest}
        send_back(request.pk, by=user, origin=COMMAND, **told)
        self.console.line(f"Sent back by {user.get_username()}.", style="SUCCESS")
        self.console.line(f"How it goes on: manage.py agents_show {request.context_id} --watch")
        return None
