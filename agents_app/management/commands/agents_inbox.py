"""manage.py agents_inbox"""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from agents_app.core.risk import Risk
from agents_app.core.status import InputStatus, ToolCallStatus
from agents_app.management.base import AgentsCommand, add_as, person
from agents_app.management.exits import Exit
from agents_app.management.showing import approvals_with_origins, show_approval, show_outcome, show_question
from agents_app.selectors.inbox import Tab
from agents_app.selectors.people import visible_calls, visible_inputs
from agents_app.selectors.presentation import call_as_dict, input_as_dict, rows_for_approvals
from agents_app.services.inbox import inbox


class Command(AgentsCommand):
    help = "List what waits for people: calls to approve, questions to answer, outcomes that nobody knows."
    reads = True

    def add_own(self, parser: CommandParser) -> None:
        add_as(parser, required=False)
        parser.add_argument(
            "--tab", choices=[tab.value for tab in Tab], default=Tab.ALL.value, help="Approvals: mine, my groups', all."
        )
        parser.add_argument("--risk", choices=[risk.value for risk in Risk], help="Approvals of this risk.")
        parser.add_argument("--agent", help="What is of this agent.")
        parser.add_argument("--tool", help="Approvals of this tool.")

    def act(self, **options: Any) -> Exit | None:
        viewer, tab = person(options["as_user"]), Tab(options["tab"])
        if tab is not Tab.ALL and options["as_user"] is None:
            raise CommandError(f"--tab {tab} needs --as USER: whose?")
        found = _inbox(viewer, tab, options)
        if options["json"]:
            self.print_json(found)
            return None
        if not any(found.values()):
            self.console.line("Nothing waits for people.")
        for show, rows in (
            (show_approval, found["approvals"]),
            (show_question, found["inputs"]),
            (show_outcome, found["outcomes"]),
        ):
            for row in rows:
                show(self.console, row)
                self.console.line(f"Run {row['run']} of {row['agent']}", indent=2)
                self.console.line()
        return None


def _inbox(viewer: Any, tab: Tab, options: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Approvals, due first; where they are narrowed down by what others have not, nothing of the others."""
    narrow = {"call__tool": options["tool"], "risk": options["risk"]}
    of_approvals = {name: value for name, value in narrow.items() if value}
    of_agent = {"context__agent": options["agent"]} if options["agent"] else {}
    approvals = rows_for_approvals(inbox(viewer, tab).filter(**of_approvals, **of_agent))
    shown = approvals_with_origins(list(approvals), viewer)
    if of_approvals or tab is not Tab.ALL:
        return {"approvals": shown, "inputs": [], "outcomes": []}
    inputs = visible_inputs(viewer).filter(status=InputStatus.PENDING, **of_agent).order_by("pk")
    calls = visible_calls(viewer).filter(status=ToolCallStatus.UNKNOWN, **of_agent).order_by("pk")
    return {
        "approvals": shown,
        "inputs": [input_as_dict(row, viewer) for row in inputs],
        "outcomes": [call_as_dict(row, viewer) for row in calls],
    }
