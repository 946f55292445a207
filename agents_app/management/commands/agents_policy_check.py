"""manage.py agents_policy_check"""

from typing import Any

from django.core.management.base import CommandParser

from agents_app.core.grants import GrantScope
from agents_app.management.base import AgentsCommand, add_as, json_value, person
from agents_app.models import StandingGrant
from agents_app.services import explain_call


class Command(AgentsCommand):
    help = (
        "Say what the policy answers to a call, by which rule and why, without making it. Only the tool's own rule "
        "(needs_approval) is called."
    )
    reads = True

    def add_own(self, parser: CommandParser) -> None:
        parser.add_argument("agent", help="The agent's name.")
        parser.add_argument("tool", help="The tool's name.")
        parser.add_argument("arguments", nargs="?", default="{}", help="The call's arguments, as JSON.")
        parser.add_argument("--user", help="Ask as for a run of this user (natural key).")
        add_as(parser, required=False)

    def act(self, **options: Any) -> None:
        user = person(options["user"]) if options["user"] else None
        arguments = json_value(options["arguments"], "ARGUMENTS")
        by = person(options["as_user"])
        found = explain_call(options["agent"], options["tool"], arguments, by=by, user=user)
        if options["json"]:
            self.print_json(found.as_dict())
            return
        self.console.line(f"{found.answer}: {found.reason}")
        self.console.line(f"Decided by: {found.rule}")
        for each in found.rulings:
            self.console.line(f"{each.answer} · {each.rule} · priority {each.priority} · {each.reason}", indent=2)
        for grant in found.grants:
            self.console.line(f"Allowed unasked by {granted(grant)}")


def granted(grant: StandingGrant) -> str:
    """Whose grant it is, where it counts and how far."""
    where = {GrantScope.AGENT: "in all runs", GrantScope.USER: f"in runs of {grant.user_name}"}
    left = "" if grant.uses_left is None else f", {grant.uses_left} left"
    until = "" if grant.expires_at is None else f", until {grant.expires_at:%Y-%m-%d %H:%M}"
    in_session = f"in the session {grant.session_id}"
    scope = where.get(GrantScope(grant.scope), in_session)
    return f"the standing grant {grant.pk} of {grant.owner_name}, {scope}{left}{until}"
