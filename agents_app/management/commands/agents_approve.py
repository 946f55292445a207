"""manage.py agents_approve"""

from typing import Any

from django.core.management.base import CommandParser

from agents_app.core.deceptive import spelled_out
from agents_app.core.status import ApprovalStatus
from agents_app.exceptions import StaleDigest
from agents_app.management.base import COMMAND, AgentsCommand, add_as, person
from agents_app.management.console import call_text, value_text
from agents_app.management.edits import MISSING, Difference, differences, edited
from agents_app.management.exits import Exit
from agents_app.management.finding import find
from agents_app.models import ApprovalRequest
from agents_app.selectors.people import may_read_approval, may_view_sensitive, visible_approvals
from agents_app.selectors.transcript import arguments_of
from agents_app.services import approve


class Command(AgentsCommand):
    help = "Approve a call that waits for approval, exactly as it is shown, or with other arguments (--set)."

    def add_own(self, parser: CommandParser) -> None:
        parser.add_argument("id", help="The approval request's id, or the beginning of it; agents_inbox lists them.")
        parser.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="PATH=VALUE",
            help="Use another value: amount=100, address.city=Ulm, lines.0.count=2. JSON, or else a text. Repeatable.",
        )
        parser.add_argument("--reason", default="", help="Why; it is recorded with the decision.")
        parser.add_argument(
            "--digest", help="Approve only if the arguments are still those with this digest (agents_inbox --json)."
        )
        parser.add_argument("--dry-run", action="store_true", help="Show what would be approved, and approve nothing.")
        add_as(parser, required=True)

    def act(self, **options: Any) -> Exit | None:
        user = person(options["as_user"])
        request = find(visible_approvals(user), options["id"])
        shown = request.call.digest
        if options["digest"] and options["digest"] != shown:
            raise StaleDigest()
        # Opened even for those who may not see it: what is not edited must stay as it is.
        before = arguments_of(request.call, sensitive=True)
        after = edited(before, options["set"]) if options["set"] else None
        self._show(request, user, before, after)
        if options["dry_run"]:
            self.console.line("Nothing was approved: this was a dry run.")
            return None
        made = approve(request.pk, by=user, digest=shown, arguments=after, reason=options["reason"], origin=COMMAND)
        self.console.line(f"Approved by {user.get_username()}.", style="SUCCESS")
        if made.status == ApprovalStatus.PENDING:
            self.console.line("It still waits: somebody else must approve it, too.")
        self.console.line(f"How it goes on: manage.py agents_show {request.context_id} --watch")
        return None

    def _show(self, request: ApprovalRequest, user: Any, before: Any, after: Any) -> None:
        readable = may_read_approval(user, request)
        hidden = may_view_sensitive(user) is False
        console = self.console
        if readable:
            console.text(spelled_out(request.summary))
            called = call_text(request.call.tool, arguments_of(request.call, sensitive=not hidden))
            console.text(spelled_out(called), indent=2)
        masked = arguments_of(request.call, sensitive=False)
        for difference in differences(before, after) if after is not None else ():
            name = difference.path.partition(".")[0]
            secret = hidden and isinstance(masked, dict) and masked.get(name) != before.get(name)
            self._show_difference(difference, readable and not secret)

    def _show_difference(self, difference: Difference, readable: bool) -> None:
        before, after = (_text(value) if readable else "***" for value in (difference.before, difference.after))
        path = value_text(difference.path)
        self.console.line(f"- {path}: {before}", indent=2, style="ERROR")
        self.console.line(f"+ {path}: {after}", indent=2, style="SUCCESS")


def _text(value: Any) -> str:
    return "(none)" if value is MISSING else value_text(value)
