"""manage.py agents_show"""

from typing import Any

from django.core.management.base import CommandParser

from agents_app.management.base import AgentsCommand, add_as, person
from agents_app.management.console import moment_text, status_text
from agents_app.management.exits import Exit, exit_of_run
from agents_app.management.finding import find_run
from agents_app.management.showing import show_run
from agents_app.management.watching import Watch
from agents_app.selectors.people import visible_runs
from agents_app.selectors.presentation import rows_for_runs, run_as_dict

LATEST = 20


class Command(AgentsCommand):
    help = (
        "Show a run: its input, steps, what it waits for, its answer; without RUN the latest runs. "
        "With --watch --json: one event per line, and the run at the end."
    )
    reads = True

    def add_own(self, parser: CommandParser) -> None:
        parser.add_argument("run", nargs="?", help="The run's id, or the beginning of it.")
        parser.add_argument(
            "--watch", action="store_true", help="Show what happens, until it ends or waits for people."
        )
        add_as(parser, required=False)

    def act(self, **options: Any) -> Exit | None:
        viewer = person(options["as_user"])
        if options["run"] is None:
            self._show_latest(viewer, as_json=options["json"])
            return None
        context = find_run(viewer, options["run"])
        if options["watch"]:
            return self._watch(Watch(self.console, context.pk, viewer, as_json=options["json"]))
        if options["json"]:
            self.print_json(run_as_dict(context, viewer))
        else:
            show_run(self.console, context, viewer)
        return None

    def _watch(self, watch: Watch) -> Exit:
        try:
            return exit_of_run(watch.until_rest())
        except KeyboardInterrupt:
            self.stderr.write("\nStopped watching; the run goes on.")
            return Exit.FAILED

    def _show_latest(self, viewer: Any, *, as_json: bool) -> None:
        latest = rows_for_runs(visible_runs(viewer)).order_by("-pk")[:LATEST]
        runs = [run_as_dict(context, viewer) for context in latest]
        if as_json:
            self.print_json(runs)
            return
        for run in runs:
            when = moment_text(run["created_at"])
            self.console.line(f"{run['id']}  {when}  {run['agent']}, {status_text(run['status'])}")
        if not runs:
            self.console.line("There are no runs.")
