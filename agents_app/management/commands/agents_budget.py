"""manage.py agents_budget"""

from typing import Any

from django.core.management.base import CommandParser

from agents_app.core.budgets import Budget, Period
from agents_app.management.base import AgentsCommand, add_as, moment_value, person
from agents_app.management.finding import find
from agents_app.management.limits import add_limits, limits_of
from agents_app.models import AgentBudget
from agents_app.selectors.budgets import budget_as_dict, spending_of, visible_budgets
from agents_app.selectors.people import visible_runs, visible_sessions
from agents_app.services import set_budget


class Command(AgentsCommand):
    help = (
        "Show what a run, a session or a user may spend and has spent; with limits (or --no-limit): set it. "
        "The limits that are given replace all earlier ones of that period; what was spent stays."
    )
    reads = True

    def add_own(self, parser: CommandParser) -> None:
        whose = parser.add_mutually_exclusive_group(required=True)
        whose.add_argument("--run", metavar="ID", help="The run's id, or the beginning of it.")
        whose.add_argument("--session", metavar="ID", help="The session's id, or the beginning of it.")
        whose.add_argument("--user", help="The user's natural key.")
        parser.add_argument(
            "--period",
            choices=[str(each) for each in Period],
            default=str(Period.EVER),
            help="When spending begins anew.",
        )
        add_limits(parser)
        parser.add_argument("--ends-at", metavar="MOMENT", help="Nothing more may be spent after it (ISO 8601).")
        parser.add_argument("--no-limit", action="store_true", help="Set no limit but those that are given.")
        add_as(parser, required=False)

    def act(self, **options: Any) -> None:
        viewer = person(options["as_user"])
        owner = _owner(viewer, options)
        limits, ends_at = limits_of(options), moment_value(options["ends_at"], "--ends-at")
        if limits is not None or ends_at is not None or options["no_limit"]:
            made = set_budget(limits or Budget(), by=viewer, period=options["period"], ends_at=ends_at, **owner)
            budgets = [made]
        else:
            rows = {"context" if whose == "run" else whose: row for whose, row in owner.items()}
            budgets = list(visible_budgets(viewer).filter(**rows).order_by("period"))
        self._show(budgets, as_json=options["json"])

    def _show(self, budgets: list[AgentBudget], *, as_json: bool) -> None:
        if as_json:
            self.print_json([budget_as_dict(budget) for budget in budgets])
            return
        for title, text in spending_of(budgets):
            self.console.line(f"{title}: {text}")
        if not any(spending_of(budgets)):
            self.console.line("No limit.")


def _owner(viewer: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Whose budget it is, as `set_budget` takes it."""
    if options["run"]:
        return {"run": find(visible_runs(viewer), options["run"])}
    if options["session"]:
        return {"session": find(visible_sessions(viewer), options["session"])}
    return {"user": person(options["user"])}
