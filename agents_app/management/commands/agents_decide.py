"""manage.py agents_decide"""

from typing import Any

from django.core.management.base import CommandParser

from agents_app.core.bulk import BulkVerdict, Choice, Report
from agents_app.management.base import COMMAND, AgentsCommand, add_as, person
from agents_app.management.exits import Exit
from agents_app.management.finding import find
from agents_app.selectors.people import visible_approvals
from agents_app.selectors.reports import report_as_dict
from agents_app.services.bulk import decide_many


class Command(AgentsCommand):
    help = "Give one answer to many requests. Each is decided by itself; what cannot be done to one hinders no other."
    reads = True

    def add_own(self, parser: CommandParser) -> None:
        parser.add_argument("verdict", choices=[verdict.value for verdict in BulkVerdict])
        parser.add_argument(
            "ids",
            nargs="+",
            metavar="ID[:DIGEST]",
            help="Approval requests, by their ids or the beginnings of them. With a digest: only if the arguments are "
            "still those (agents_inbox --json).",
        )
        parser.add_argument("--reason", default="", help="Why; the agents read it unless you approve.")
        add_as(parser, required=True)

    def act(self, **options: Any) -> Exit | None:
        user = person(options["as_user"])
        choices = [self._choice(user, given) for given in options["ids"]]
        reports = decide_many(choices, options["verdict"], by=user, reason=options["reason"], origin=COMMAND)
        if options["json"]:
            self.print_json([report_as_dict(report) for report in reports])
        else:
            for report in reports:
                self._show(report)
        return None if all(report.done for report in reports) else Exit.WRONG_STATE

    def _choice(self, user: Any, given: str) -> Choice:
        key, _, digest = given.partition(":")
        request = find(visible_approvals(user), key)
        return Choice(request_id=str(request.pk), digest=digest or request.call.digest)

    def _show(self, report: Report) -> None:
        style = "SUCCESS" if report.done else "ERROR"
        self.console.line(f"{report.request_id} {report.outcome}", style=style)
        if report.message:
            self.console.text(report.message, indent=2)
