"""manage.py agents_grant"""

from typing import Any

from django.core.management.base import CommandParser

from agents_app.core.conditions import VALUELESS, Operator
from agents_app.core.grants import GrantScope, GrantState
from agents_app.exceptions import InvalidInput
from agents_app.management.base import COMMAND, AgentsCommand, add_as, json_or_text, person
from agents_app.management.finding import find
from agents_app.management.grants import show_grant
from agents_app.models import database_now
from agents_app.selectors.grants import visible_grants
from agents_app.selectors.moments import moment
from agents_app.selectors.people import visible_approvals
from agents_app.services import make_grant
from agents_app.services.grants import ANY, NEVER


class Command(AgentsCommand):
    help = (
        "Allow the like of a call that asks for approval from now on, within limits (a standing grant). The request "
        "itself is not decided by it. --list: the grants that count."
    )

    reads = True

    def add_own(self, parser: CommandParser) -> None:
        parser.add_argument("id", nargs="?", help="The approval request's id, or the beginning of it.")
        parser.add_argument("--scope", choices=[str(each) for each in GrantScope], help="In whose runs it counts.")
        parser.add_argument(
            "--where",
            action="append",
            default=[],
            metavar="'PATH OPERATOR VALUE'",
            help="A condition: 'amount at_most 100', 'all:lines[*].price less_than 9'. Repeatable; all must hold.",
        )
        parser.add_argument("--any", action="store_true", help="Whatever the arguments are, instead of --where.")
        parser.add_argument("--uses", type=int, help="How many calls; left out: as many as wanted.")
        parser.add_argument("--until", help="A day or a moment.")
        parser.add_argument("--never-ends", action="store_true", help="It has no end, instead of --until.")
        parser.add_argument("--reason", default="", help="Why, for the record.")
        parser.add_argument("--list", action="store_true", help="Only list the grants that count.")
        add_as(parser, required=True)

    def act(self, **options: Any) -> None:
        by = person(options["as_user"])
        if options["list"]:
            now = database_now()
            rows = [row for row in visible_grants(by) if row.state_at(now) is GrantState.LIVE]
        else:
            rows = [self._made(by, options)]
        if options["json"]:
            self.print_json([show_grant(None, row, by) for row in rows])
            return
        for row in rows:
            show_grant(self.console, row, by)
        if not rows:
            self.console.line("There is no standing grant that counts.")

    def _made(self, by: Any, options: dict[str, Any]) -> Any:
        if not options["id"]:
            raise InvalidInput("Say which approval request; agents_inbox lists them.")
        if not options["scope"]:
            raise InvalidInput(f"Say in whose runs it counts: --scope {', '.join(GrantScope)}.")
        if bool(options["where"]) is options["any"]:
            raise InvalidInput("Say which calls: --where CONDITION, or --any.")
        if bool(options["until"]) is options["never_ends"]:
            raise InvalidInput("Say until when: --until MOMENT, or --never-ends.")
        return make_grant(
            find(visible_approvals(by), options["id"]).pk,
            by=by,
            scope=options["scope"],
            conditions=ANY if options["any"] else [condition(text) for text in options["where"]],
            expires_at=NEVER if options["never_ends"] else moment(options["until"], "--until"),
            uses=options["uses"],
            reason=options["reason"],
            origin=COMMAND,
        )


def condition(text: str) -> dict[str, Any]:
    """A condition as it is typed. Raises InvalidInput."""
    path, operator, value = [*text.split(maxsplit=2), "", "", ""][:3]
    if operator not in list(Operator):
        raise InvalidInput(f"“{text}” is no condition: PATH OPERATOR VALUE, with one of: {', '.join(Operator)}.")
    found: dict[str, Any] = {"path": path, "operator": operator}
    items = next((each for each in ("any", "all") if path.startswith(f"{each}:")), None)
    if items:
        found |= {"path": path.partition(":")[2], "items": items}
    return found if operator in VALUELESS else {**found, "value": json_or_text(value)}
