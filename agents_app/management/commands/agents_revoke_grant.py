"""manage.py agents_revoke_grant"""

from typing import Any

from django.core.management.base import CommandParser

from agents_app.management.base import AgentsCommand, add_as, person
from agents_app.management.finding import find
from agents_app.selectors.grants import visible_grants
from agents_app.services import revoke_grant


class Command(AgentsCommand):
    help = "Let a standing grant count no more: people are asked again. Others' need revoke_standinggrant."

    def add_own(self, parser: CommandParser) -> None:
        parser.add_argument("id", help="The grant's id, or the beginning of it; agents_grant --list has them.")
        parser.add_argument("--reason", default="", help="Why, for the record.")
        add_as(parser, required=False)

    def act(self, **options: Any) -> None:
        by = person(options["as_user"])
        row = revoke_grant(find(visible_grants(by), options["id"]).pk, by=by, reason=options["reason"])
        self.console.line(f"Revoked by {row.revoked_by_name}: {row}.", style="SUCCESS")
