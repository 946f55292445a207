"""manage.py agents_policies"""

from typing import Any

from django.core.management.base import CommandParser

from agents_app.exceptions import InvalidInput, NotFound
from agents_app.management.base import AgentsCommand, add_as, json_value, moment_value, person
from agents_app.models import ApprovalPolicy
from agents_app.models.kill_switch import described
from agents_app.selectors.people import lacking
from agents_app.selectors.runs import is_id
from agents_app.selectors.switches import VIEW_POLICY, may_view_policies, policy_as_dict, visible_policies
from agents_app.services import delete_policy, policy_problems, save_policy

MOMENTS = ("valid_from", "valid_until")


class Command(AgentsCommand):
    help = (
        "List the policies, or show one. --save makes one, or changes the one that is named; --off and --on switch it; "
        "--remove removes it."
    )
    reads = True

    def add_own(self, parser: CommandParser) -> None:
        parser.add_argument("policy", nargs="?", default="", help="A policy's name, or its id.")
        does = parser.add_mutually_exclusive_group()
        does.add_argument("--save", metavar="JSON", help="What it says, as over REST; what is left out stays.")
        does.add_argument("--off", action="store_true", help="Let it count no more.")
        does.add_argument("--on", action="store_true", help="Let it count again.")
        does.add_argument("--remove", action="store_true", help="Remove it.")
        add_as(parser, required=False)

    def act(self, **options: Any) -> None:
        by = person(options["as_user"])
        if not may_view_policies(by):
            raise lacking(VIEW_POLICY)
        row = _named(by, options["policy"]) if options["policy"] else None
        if options["save"] is not None:
            rows = [save_policy(_values(options["save"]), by=by, policy_id=row.pk if row else None)]
        elif row is None and (options["off"] or options["on"] or options["remove"]):
            raise InvalidInput("Say which policy: its name, or its id.")
        elif row is not None and (options["off"] or options["on"]):
            rows = [save_policy({"active": options["on"]}, by=by, policy_id=row.pk)]
        elif row is not None and options["remove"]:
            before = policy_as_dict(row)
            delete_policy(row.pk, by=by)
            self._removed(before, as_json=options["json"])
            return
        else:
            rows = list(visible_policies(by)) if row is None else [row]
        self._show(rows, as_json=options["json"])

    def _removed(self, before: dict[str, Any], *, as_json: bool) -> None:
        if as_json:
            self.print_json([before])
        else:
            self.console.line(f"Removed: {before['name']}")

    def _show(self, rows: list[ApprovalPolicy], *, as_json: bool) -> None:
        if as_json:
            self.print_json([policy_as_dict(row) for row in rows])
            return
        for row in rows:
            counts = "" if row.active else " (switched off)"
            self.console.line(f"{row.name}: {row.answer} {described(row.agent, row.tool)}{counts}")
            for condition in row.conditions or ():
                self.console.text(_condition(condition), indent=2)
            if row.reason:
                self.console.text(row.reason, indent=2)
            for problem in policy_problems(row):
                self.console.text(problem.message, indent=2, style="WARNING")
        if not rows:
            self.console.line("There are no policies.")


def _named(by: Any, text: str) -> ApprovalPolicy:
    rows = visible_policies(by)
    found = rows.filter(name=text).first() or (rows.filter(pk=text).first() if is_id(text) else None)
    if found is None:
        raise NotFound(f"There is no policy “{text}”.")
    return found


def _values(text: str) -> dict[str, Any]:
    values = json_value(text, "--save")
    if not isinstance(values, dict):
        raise InvalidInput("--save takes a JSON object.")
    for name in MOMENTS:
        if isinstance(values.get(name), str):
            values[name] = moment_value(values[name], name)
    return values


def _condition(condition: Any) -> str:
    given = condition if isinstance(condition, dict) else {}
    parts = (given.get("items"), given.get("path"), given.get("operator"), given.get("value"))
    return " ".join(str(part) for part in parts if part not in (None, ""))
