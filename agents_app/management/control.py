"""The commands that control one run differ in one call."""

from abc import abstractmethod
from typing import Any

from django.core.management.base import CommandParser

from agents_app.management.base import AgentsCommand, add_as, person
from agents_app.management.console import status_text
from agents_app.management.exits import Exit
from agents_app.management.finding import find_run
from agents_app.services import Run


class ControlCommand(AgentsCommand):
    """Takes a run and who controls it; a subclass says what is done."""

    gives_reason = False

    def add_own(self, parser: CommandParser) -> None:
        parser.add_argument("run", help="The run's id, or the beginning of it; agents_show lists the latest.")
        if self.gives_reason:
            parser.add_argument("--reason", default="", help="Why; it is recorded.")
        add_as(parser, required=False)

    @abstractmethod
    def control(self, run_id: Any, *, by: Any, reason: str) -> Run[Any]:
        """Do it; gives the run as it is then."""

    def act(self, **options: Any) -> Exit | None:
        user = person(options["as_user"])
        context = find_run(user, options["run"])
        run = self.control(context.pk, by=user, reason=options.get("reason", ""))
        note = "" if run.ended or run.status == "paused" else self.pending
        self.console.line(f"Run {run.id} is {status_text(run.status)}{note}.", style="SUCCESS")
        return None

    pending = ""
    """What is said besides the status of a run that has not come to rest."""
