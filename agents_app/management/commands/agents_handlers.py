"""manage.py agents_handlers"""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from agents_app.management.base import AgentsCommand, add_as, person
from agents_app.management.console import counted, moment_text
from agents_app.management.exits import Exit
from agents_app.management.finding import find
from agents_app.models import EventCursor
from agents_app.selectors.handlers import HandlerState, handler_states, next_event, visible_cursors
from agents_app.selectors.people import visible_runs
from agents_app.services import forget_handler, release_handler

MOST = 1_000
"""Released by one command."""
SHOWN = 20


class Command(AgentsCommand):
    help = (
        "List the event handlers (@on) and for which runs they are parked, because they failed too often. Lets them go "
        "on, and forgets those that are gone from the code."
    )
    reads = True

    def add_own(self, parser: CommandParser) -> None:
        does = parser.add_mutually_exclusive_group()
        does.add_argument("--release", metavar="HANDLER", help="Let it try again, for every run that it is parked for.")
        does.add_argument("--skip", metavar="HANDLER", help="The same, but without the event that it could not take.")
        does.add_argument("--forget", metavar="HANDLER", help="Remove the rows of a handler that the code has no more.")
        parser.add_argument("--run", help="With --release and --skip: for this run only (its id, or the beginning).")
        add_as(parser, required=False)

    def act(self, **options: Any) -> Exit | None:
        user = person(options["as_user"])
        name = options["release"] or options["skip"]
        if options["run"] and not name:
            raise CommandError("--run goes with --release or --skip.", returncode=Exit.INVALID)
        if options["forget"]:
            removed = forget_handler(options["forget"], by=user)
            self.console.line(f"Forgotten, with {counted(removed, 'cursor')}.", style="SUCCESS")
        elif name:
            self._release(name, options["run"], user, skip=bool(options["skip"]))
        else:
            self._list(user, as_json=options["json"])
        return None

    def _release(self, name: str, run: str | None, user: Any, *, skip: bool) -> None:
        parked = visible_cursors(user).filter(handler=name, parked_at__isnull=False).order_by("-pk")
        if run:
            parked = parked.filter(context=find(visible_runs(user), run))
        released = [release_handler(cursor.pk, by=user, skip=skip) for cursor in parked[:MOST]]
        self.console.line(f"Released for {counted(len(released), 'run')}.", style="SUCCESS" if released else "WARNING")
        if len(released) == MOST:
            self.console.line("There may be more: run the command again.")

    def _list(self, user: Any, *, as_json: bool) -> None:
        states = handler_states()
        parked = list(visible_cursors(user).filter(parked_at__isnull=False).order_by("-pk")[:SHOWN])
        if as_json:
            self.print_json({"handlers": [_as_dict(state) for state in states], "parked": [_parked(c) for c in parked]})
            return
        for state in states:
            self.console.line(state.name, style="MIGRATE_HEADING")
            self.console.text(_sentence(state), indent=2, style="WARNING" if state.parked or not state.known else "")
        if not states:
            self.console.text(
                "There is no event handler. Write one in an app's event_handlers.py: @on(“run.completed”)."
            )
        if parked:
            self.console.heading("Parked")
        for cursor in parked:
            self.console.line(f"{cursor.handler}, run {cursor.context_id}, since {moment_text(cursor.parked_at)}")
            self.console.text(cursor.error, indent=2)
        if parked:
            self.console.text("→ manage.py agents_handlers --release HANDLER (or --skip HANDLER) lets them go on.")


def _sentence(state: HandlerState) -> str:
    since = (
        f"since {moment_text(state.since)}" if state.since else "of all events" if state.seen else "not yet registered"
    )
    gone = "" if state.known else "not in the code here; "
    waiting = f"{counted(state.waiting, 'run')} with something new"
    return f"{gone}{since}; {waiting}; parked for {counted(state.parked, 'run')}"


def _as_dict(state: HandlerState) -> dict[str, Any]:
    return {
        "name": state.name,
        "known": state.known,
        "since": state.since.isoformat() if state.since else None,
        "waiting": state.waiting,
        "parked": state.parked,
    }


def _parked(cursor: EventCursor) -> dict[str, Any]:
    event = next_event(cursor)
    return {
        "id": str(cursor.pk),
        "handler": cursor.handler,
        "run": str(cursor.context_id),
        "parked_at": cursor.parked_at.isoformat() if cursor.parked_at else None,
        "event": event.sequence if event else None,
        "attempts": cursor.attempts,
        "error": cursor.error,
    }
