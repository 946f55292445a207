"""manage.py agents_settle"""

from typing import Any

from django.core.management.base import CommandParser

from agents_app.core.status import Verdict
from agents_app.management.base import COMMAND, AgentsCommand, add_as, json_value, person
from agents_app.management.console import status_text
from agents_app.management.exits import Exit
from agents_app.management.finding import find
from agents_app.selectors.people import visible_calls
from agents_app.services import settle_outcome

VERDICTS = (Verdict.HAPPENED, Verdict.TRY_AGAIN, Verdict.GIVE_UP)


class Command(AgentsCommand):
    help = "Say what became of a call of unknown outcome: it happened (with its result), try it again, or give it up."

    def add_own(self, parser: CommandParser) -> None:
        parser.add_argument("call", help="The tool call's id, or the beginning of it; agents_inbox lists them.")
        parser.add_argument("verdict", choices=[str(verdict) for verdict in VERDICTS], help="What became of it.")
        parser.add_argument(
            "--result",
            metavar="JSON",
            help="With happened: what the tool would have returned, as JSON that fits its return type.",
        )
        parser.add_argument(
            "--reason",
            default="",
            help="How you know; it is recorded with the decision. To give up needs one: the agent reads it.",
        )
        add_as(parser, required=True)

    def act(self, **options: Any) -> Exit | None:
        user = person(options["as_user"])
        verdict = Verdict(options["verdict"])
        result = None if options["result"] is None else json_value(options["result"], "--result")
        call = find(visible_calls(user), options["call"])
        call = settle_outcome(call.pk, verdict, by=user, result=result, reason=options["reason"], origin=COMMAND)
        self.console.line(f"Settled by {user.get_username()}: the call is {status_text(call.status)}.", style="SUCCESS")
        return None
