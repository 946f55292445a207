"""manage.py agents_verify_audit"""

from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser
from django.utils.dateparse import parse_date, parse_datetime

from agents_app.exceptions import InvalidInput
from agents_app.management.base import AgentsCommand
from agents_app.management.console import counted
from agents_app.management.exits import Exit
from agents_app.models import AgentContext
from agents_app.models.fields import first_uuid7
from agents_app.selectors.audit import chained_since, moment_of, verify_runs
from agents_app.selectors.runs import one_of


class Command(AgentsCommand):
    help = (
        "Verify the hash chains of runs: that no event, decision, approval request, tool call or answer was changed, "
        "added or removed behind the app's back. Names the first thing of each run that does not fit, and then fails."
    )
    reads = True

    def add_own(self, parser: CommandParser) -> None:
        parser.add_argument("run", nargs="?", help="The id of one run. Default: all that are in the database.")
        parser.add_argument("--since", metavar="MOMENT", help="Only runs that were accepted since (2026-12-31T08:00).")
        parser.add_argument(
            "--gaps-until",
            metavar="MOMENT",
            help="Events without a link are accepted before this moment: until when workers of the release without "
            "the chain ran beside newer ones. Default: when this database was migrated.",
        )

    def act(self, **options: Any) -> Exit | None:
        runs = AgentContext.objects.all()
        if options["run"]:
            runs = runs.filter(pk=one_of(runs, options["run"]).pk)
        if options["since"]:
            runs = runs.filter(pk__gte=first_uuid7(_moment(options["since"], "--since")))
        until = _moment(options["gaps_until"], "--gaps-until") if options["gaps_until"] else chained_since()
        count = broken = unchained = 0
        found_all: list[dict[str, Any]] = []
        for found in verify_runs(runs, until=until):
            count += 1
            if found is None:
                continue
            broken, unchained = broken + found.broken, unchained + (not found.broken)
            if options["json"]:
                named = {"run": str(found.run), "problem": found.problem, "row": found.row, "message": found.message}
                found_all.append(named)
            elif found.broken or options["run"]:
                self.console.line(f"{found.run}: {found.row}: {found.message}")
        if options["json"]:
            self.print_json({"runs": count, "broken": broken, "unchained": unchained, "findings": found_all})
        else:
            self._sum_up(count, broken, unchained)
        return Exit.FAILED if broken else None

    def _sum_up(self, count: int, broken: int, unchained: int) -> None:
        old = f", {unchained} in part from a release without the chain" if unchained else ""
        fits = f"{broken} broken" if broken else "all fit"
        self.console.line(f"{counted(count, 'run')} verified: {fits}{old}.")


def _moment(text: str, option: str) -> datetime:
    """Raises InvalidInput."""
    try:
        moment = parse_datetime(text)
        day = parse_date(text) if moment is None else None
    except ValueError as error:
        raise InvalidInput(f"{option} takes a moment: {error}.") from None
    if moment is None and day is not None:
        moment = datetime(day.year, day.month, day.day)  # noqa: DTZ001  made aware below
    if moment is None:
        raise InvalidInput(f"{option} takes a day or a moment: 2026-12-31 or 2026-12-31T08:00.")
    return moment_of(moment)
