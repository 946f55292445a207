"""manage.py agents_run"""

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser

from agents_app.core.priority import Priority
from agents_app.management.base import OPERATOR, AgentsCommand, json_value, person
from agents_app.management.exits import Exit, exit_of_run
from agents_app.management.limits import add_limits, limits_of
from agents_app.management.watching import Watch, rests
from agents_app.runtime.drive import drive_to_rest
from agents_app.selectors.people import visible_runs
from agents_app.selectors.presentation import run_as_dict
from agents_app.services import Run, read_run, start_run

LOOK_SECONDS = 1.0


class Command(AgentsCommand):
    help = (
        "Start a run of an agent. Without --watch or --here it is accepted and left to the workers. "
        "With --json, --watch and --here print one event per line, and the run at the end."
    )
    reads = True

    def add_own(self, parser: CommandParser) -> None:
        parser.add_argument("agent", help="The agent's name; agents_list lists them.")
        parser.add_argument("input", help="What the agent is asked.")
        parser.add_argument("--user", help="Whose run it is: the user's natural key. Default: nobody's.")
        parser.add_argument("--session", metavar="KEY", help="The conversation that it belongs to.")
        parser.add_argument("--metadata", metavar="JSON", help="An object to keep with the run.")
        add_limits(parser)
        parser.add_argument(
            "--priority", choices=list(Priority), help="Which is taken first when more is due than workers can drive."
        )
        parser.add_argument("--without-memory", action="store_true", help="It shall remember nothing.")
        parser.add_argument("--without-knowledge", action="store_true", help="It shall look nothing up.")
        parser.add_argument("--key", help="An idempotency key: a second start with it gives the first one's run.")
        parser.add_argument(
            "--watch", action="store_true", help="Show what happens, until it ends or waits for people."
        )
        parser.add_argument(
            "--here", action="store_true", help="Drive it in this process (and watch): needs no worker."
        )

    def act(self, **options: Any) -> Exit | None:
        run = self._start(options)
        as_json = options["json"]
        if options["here"] or options["watch"]:
            return self._watch(run, here=options["here"], as_json=as_json)
        if as_json:
            self.print_json(run_as_dict(visible_runs(OPERATOR).get(pk=run.id), OPERATOR))
            return None
        self.console.line(f"Run {run.id} of {run.agent} was accepted.", style="SUCCESS")
        self.console.line(f"Watch it: manage.py agents_show {run.id} --watch")
        return None

    def _start(self, options: dict[str, Any]) -> Run[Any]:
        return start_run(
            options["agent"],
            options["input"],
            user=person(options["user"]) if options["user"] else None,
            session=options["session"],
            metadata=json_value(options["metadata"], "--metadata") if options["metadata"] else None,
            idempotency_key=options["key"],
            budget=limits_of(options),
            priority=options["priority"],
            memory=False if options["without_memory"] else None,
            knowledge=False if options["without_knowledge"] else None,
            by=OPERATOR,
        )

    def _watch(self, run: Run[Any], *, here: bool, as_json: bool) -> Exit:
        if not as_json:
            self.console.line(f"Run {run.id} of {run.agent}", style="MIGRATE_HEADING")
        watch = Watch(self.console, run.id, OPERATOR, as_json=as_json)
        try:
            watch.tell()
            if here:
                drive_here(watch, run.id)
            return exit_of_run(watch.until_rest())
        except KeyboardInterrupt:
            self.stderr.write(f"\nStopped watching; the run stays. manage.py agents_show {run.id} --watch")
            return Exit.FAILED


def drive_here(watch: Watch, run_id: UUID, sleep: Callable[[float], None] = time.sleep) -> None:
    """Drive the run in this process until it rests, printing its events as they are committed."""
    with watch.listening():
        drive_to_rest(run_id)
        while not rests(read_run(run_id)):  # put off to a later time, or another worker has it
            sleep(LOOK_SECONDS)
            watch.tell()
            drive_to_rest(run_id)
