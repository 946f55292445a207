"""The commands that control one run differ in one call."""

from abc import abstractmethod
from typing import Any

from django.core.management.base import CommandParser

from agents_app.management.base import AgentsCommand, add_as, person
from agents_app.management.console import status_text
from agents_app.management.exits import Exit
from agents_app.management.finding import find_run
from agents_app.services import Run, read_code_change

SHORTEST_CODE = 8
"""Characters of a hash that name it."""


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


class GoOnCommand(ControlCommand):
    """Lets a run go on that stopped; perhaps under code that has changed since."""

    def add_own(self, parser: CommandParser) -> None:
        super().add_own(parser)
        parser.add_argument(
            "--accept-changes",
            metavar="CODE",
            help="Go on under the code there is now: the beginning of its hash, as agents_show prints it.",
        )

    def act(self, **options: Any) -> Exit | None:
        self.code = options["accept_changes"]
        return super().act(**options)

    @abstractmethod
    def go_on(self, run_id: Any, *, by: Any, accept_changes: str | None) -> Run[Any]:
        """Do it; gives the run as it is then."""

    def control(self, run_id: Any, *, by: Any, reason: str) -> Run[Any]:
        code = self.code
        if code is not None and len(code) >= SHORTEST_CODE:
            change = read_code_change(run_id, by=by)
            code = change.code if change is not None and change.code.startswith(code) else code
        return self.go_on(run_id, by=by, accept_changes=code)
