"""manage.py agents_erase_user"""

from typing import Any

from django.core.management.base import CommandParser

from agents_app.management.base import AgentsCommand, add_as, person
from agents_app.management.console import counted
from agents_app.management.exits import Exit
from agents_app.services import erase_user


class Command(AgentsCommand):
    help = (
        "Erase what runs hold of a person, in the database and in archives: inputs, answers, transcripts, arguments, "
        "results, reasons, names. Events and decisions stay without their words. The account itself is not touched: "
        "erase first, then delete it. May be stopped and repeated."
    )
    reads = True

    def add_own(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="The person, by natural key (the user name, or what stands for it).")
        parser.add_argument("--reason", default="", help="Why; it is recorded in each run. Do not name the person.")
        parser.add_argument("--cancel", action="store_true", help="Cancel runs that have not ended.")
        parser.add_argument("--dry-run", action="store_true", help="Only say what would be erased.")
        add_as(parser, required=False)

    def act(self, **options: Any) -> Exit | None:
        done = erase_user(
            person(options["user"]),
            by=person(options["as_user"]),
            reason=options["reason"],
            cancel=options["cancel"],
            dry_run=options["dry_run"],
        )
        waits = Exit.WAITS if done.still_open and not options["dry_run"] else None
        if options["json"]:
            still_open = [str(run_id) for run_id in done.still_open]
            facts = {name: getattr(done, name) for name in ("runs", "archived_runs", "sessions", "memories")}
            self.print_json({**facts, "still_open": still_open})
            return waits
        would = "would be " if options["dry_run"] else ""
        rows = [(done.runs, "run"), (done.archived_runs, "archived run"), (done.sessions, "session")]
        text = ", ".join(
            [*(counted(number, noun) for number, noun in rows), counted(done.memories, "memory", "memories")]
        )
        self.console.line(f"{text[0].upper()}{text[1:]} {would}erased.")
        for run_id in done.still_open:
            self.console.line(f"Not ended yet: {run_id}. Repeat this when it has.", style="WARNING")
        return waits
