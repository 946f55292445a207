"""manage.py agents_delegate"""

from typing import Any

from django.core.management.base import CommandParser

from agents_app.exceptions import InvalidInput
from agents_app.management.base import AgentsCommand, add_as, moment_value, person
from agents_app.management.console import moment_text
from agents_app.management.finding import find
from agents_app.models import Delegation, database_now
from agents_app.selectors.delegations import delegation_as_dict, state_of, visible_delegations
from agents_app.services import delegate, revoke_delegation

SHOWN = 50


class Command(AgentsCommand):
    help = (
        "Let somebody decide in the place of the person of --as (or of --giver) for a while: --to, --until. "
        "--revoke ends it. Without any of these: list the newest delegations."
    )
    reads = True

    def add_own(self, parser: CommandParser) -> None:
        does = parser.add_mutually_exclusive_group()
        does.add_argument("--to", metavar="USER", help="Who decides instead: the user's natural key.")
        does.add_argument("--revoke", metavar="ID", help="End this delegation.")
        parser.add_argument("--until", metavar="MOMENT", help="When it ends (ISO 8601); within a year.")
        parser.add_argument("--since", metavar="MOMENT", help="When it begins. Default: now.")
        parser.add_argument("--giver", metavar="USER", help="Whose decisions, if not those of --as.")
        parser.add_argument("--reason", default="", help="Why.")
        add_as(parser, required=False)

    def act(self, **options: Any) -> None:
        by = person(options["as_user"])
        if options["to"]:
            rows = [self._made(by, options)]
        elif options["revoke"]:
            rows = [revoke_delegation(find(visible_delegations(by), options["revoke"]).pk, by=by)]
        else:
            rows = list(visible_delegations(by)[:SHOWN])
        now = database_now()
        if options["json"]:
            self.print_json([delegation_as_dict(row, now) for row in rows])
            return
        for row in rows:
            self.console.line(f"{row.pk}  {state_of(row, now)}")
            self.console.text(_sentence(row), indent=2)
        if not rows:
            self.console.line("Nobody decides in another's place.")

    def _made(self, by: Any, options: dict[str, Any]) -> Delegation:
        until = moment_value(options["until"], "--until")
        if until is None:
            raise InvalidInput("Say until when: --until.")
        giver = person(options["giver"]) if options["giver"] else None
        given = {"giver": giver, "since": moment_value(options["since"], "--since"), "reason": options["reason"]}
        return delegate(to=person(options["to"]), by=by, until=until, **given)


def _sentence(row: Delegation) -> str:
    """The delegation, for people."""
    words = f"{row.receiver_name} decides for {row.giver_name} from {moment_text(row.begins_at)}"
    words = f"{words} until {moment_text(row.ends_at)}"
    if row.revoked_at is not None:
        words = f"{words}; revoked by {row.revoked_by_name} at {moment_text(row.revoked_at)}"
    return f"{words}: {row.reason}" if row.reason else words
