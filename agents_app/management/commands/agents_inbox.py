"""manage.py agents_inbox"""

from typing import Any

from django.core.management.base import CommandParser

from agents_app.core.status import InputStatus, ToolCallStatus
from agents_app.management.base import AgentsCommand, add_as, person
from agents_app.management.exits import Exit
from agents_app.management.showing import show_approval, show_outcome, show_question
from agents_app.selectors.people import pending_approvals, visible_calls, visible_inputs
from agents_app.selectors.presentation import approval_as_dict, call_as_dict, input_as_dict, rows_for_approvals


class Command(AgentsCommand):
    help = "List what waits for people: calls to approve, questions to answer, outcomes that nobody knows."
    reads = True

    def add_own(self, parser: CommandParser) -> None:
        add_as(parser, required=False)

    def act(self, **options: Any) -> Exit | None:
        inbox = _inbox(person(options["as_user"]))
        if options["json"]:
            self.print_json(inbox)
            return None
        if not any(inbox.values()):
            self.console.line("Nothing waits for people.")
        for show, rows in (
            (show_approval, inbox["approvals"]),
            (show_question, inbox["inputs"]),
            (show_outcome, inbox["outcomes"]),
        ):
            for row in rows:
                show(self.console, row)
                self.console.line(f"Run {row['run']} of {row['agent']}", indent=2)
                self.console.line()
        return None


def _inbox(viewer: Any) -> dict[str, list[dict[str, Any]]]:
    inputs = visible_inputs(viewer).filter(status=InputStatus.PENDING).order_by("pk")
    calls = visible_calls(viewer).filter(status=ToolCallStatus.UNKNOWN).order_by("pk")
    return {
        "approvals": [approval_as_dict(row, viewer) for row in rows_for_approvals(pending_approvals(viewer))],
        "inputs": [input_as_dict(row, viewer) for row in inputs],
        "outcomes": [call_as_dict(row, viewer) for row in calls],
    }
