"""manage.py agents_notify"""

from typing import Any

from django.core.management.base import CommandParser

from agents_app.management.base import AgentsCommand, add_as, person
from agents_app.management.console import counted, moment_text
from agents_app.management.exits import Exit
from agents_app.management.finding import find
from agents_app.models import NotificationState
from agents_app.selectors.notifications import visible_channels, visible_notifications
from agents_app.services import release_notification, set_preferences

MOST = 1_000
"""Released by one command."""
SHOWN = 20


class Command(AgentsCommand):
    help = (
        "List the channels on which people are told, and the notifications that are parked, because they failed too "
        "often. Lets them be sent again, and says for a person when they want to be told."
    )
    reads = True

    def add_own(self, parser: CommandParser) -> None:
        does = parser.add_mutually_exclusive_group()
        does.add_argument("--release", metavar="ID", help="Let this parked notification be sent again.")
        does.add_argument("--release-all", metavar="CHANNEL", help="The same for all that are parked on a channel.")
        text = "Tell the person of --as on this channel: at_once, digest or off."
        does.add_argument("--set", nargs=2, metavar=("CHANNEL", "MODE"), help=text)
        add_as(parser, required=False)

    def act(self, **options: Any) -> Exit | None:
        user = person(options["as_user"])
        parked = visible_notifications(user).filter(state=NotificationState.PARKED).order_by("-pk")
        if options["set"]:
            name, mode = options["set"]
            modes = set_preferences({name: mode}, by=user)
            self.console.line(", ".join(f"{each}: {modes[each]}" for each in modes), style="SUCCESS")
        elif options["release"]:
            release_notification(find(visible_notifications(user), options["release"]).pk, by=user)
            self.console.line("Released: it is sent again.", style="SUCCESS")
        elif options["release_all"]:
            rows = list(parked.filter(channel=options["release_all"])[:MOST])
            for row in rows:
                release_notification(row.pk, by=user)
            self.console.line(
                f"Released: {counted(len(rows), 'notification')}.", style="SUCCESS" if rows else "WARNING"
            )
        else:
            self._list(user, list(parked[:SHOWN]), as_json=options["json"])
        return None

    def _list(self, user: Any, parked: list[Any], *, as_json: bool) -> None:
        channels = list(visible_channels(user))
        if as_json:
            found = {"channels": [_channel(row) for row in channels], "parked": [_parked(row) for row in parked]}
            self.print_json(found)
            return
        for row in channels:
            since = f"failing since {moment_text(row.failing_since)}: {row.error}" if row.failures else "works"
            self.console.line(f"{row.name}: {since}", style="WARNING" if row.failures else "")
        if not channels:
            self.console.text("Nothing was sent yet. The setting NOTIFY names the channels.")
        if parked:
            self.console.heading("Parked")
        for row in parked:
            self.console.line(f"{row.pk} on {row.channel}, run {row.context_id}, since {moment_text(row.state_at)}")
            self.console.text(row.error, indent=2)


def _channel(row: Any) -> dict[str, Any]:
    since = row.failing_since.isoformat() if row.failing_since else None
    return {"name": row.name, "failures": row.failures, "failing_since": since, "error": row.error}


def _parked(row: Any) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "channel": row.channel,
        "run": str(row.context_id),
        "kind": row.kind,
        "since": row.state_at.isoformat(),
        "error": row.error,
    }
