"""That nothing is forgotten: each registered command has rows and is at every door, or it is said why not.

Whoever adds a command by which people decide about requests adds its rows to `cases.py` and how each door takes it to
`doors.py`; any other command is named here, as one that the table is not about.
"""

import inspect
import re
from pathlib import Path

import pytest

import agents_app
from agents_app import services, urls
from agents_app.ws.commands import COMMANDS as FRAMES
from tests.doors.cases import COMMANDS, TABLE
from tests.doors.doors import DOORS
from tests.doors.test_every_door import NOT_THERE

APP = Path(agents_app.__file__).parent
MUST = ("viewer", "inactive")
"""Who stands in the rows of every command."""
FIVE = {"viewer", "requester", "other", "inactive", "superuser"}

OTHERS = {
    *("answer_input", "archive_runs", "cancel_run", "close_breaker", "delete_policy", "erase_user", "explain_call"),
    *("export_anchors", "export_decisions"),
    *("forget_handler", "hide_run", "pause_run", "policy_problems", "read_code_change", "read_run", "release_handler"),
    *("release_notification", "restore_run", "resume_run", "retry_run", "reveal_run", "rotate_keys", "run_and_wait"),
    *("save_policy", "set_budget", "set_preferences", "set_priority", "start_run", "switch_off", "switch_on"),
    "grant_problems",
    *("correct_entity", "correct_fact", "export_memory", "forget_entity", "forget_fact", "forget_working_memory"),
    *("merge_entities", "remember_entity", "remember_fact", "update_working_memory"),
}
"""Services that decide about no request."""
BESIDE = {"decide_by_link", "read_link", "decide_many"}
"""Services behind which `approve`, `reject` and `send_back` stand: of one door alone, or of many requests at once."""

# What each door registers: by its own names the table's commands, and the names of what the table is not about.

REGISTERED = {
    "rest": {
        "approval-approve": ["approve", "edit"],
        "approval-reject": ["reject"],
        "approval-send-back": ["send_back"],
        "approvals-bulk": ["approve", "reject", "send_back"],
        "approval-claim": ["claim"],
        "approval-release": ["release"],
        "approval-reassign": ["reassign"],
        "tool-call-settle": ["settle"],
        "delegations": ["delegate"],
        "delegation-revoke": ["revoke"],
        "approval-grant": ["grant"],
        "grant-revoke": ["revoke_grant"],
    },
    "websocket": {
        "approve": ["approve", "edit"],
        "reject": ["reject"],
        "send_back": ["send_back"],
        "decide_many": ["approve", "reject", "send_back"],
        "claim": ["claim"],
        "release": ["release"],
        "reassign": ["reassign"],
        "settle": ["settle"],
        "delegate": ["delegate"],
        "revoke_delegation": ["revoke"],
        "make_grant": ["grant"],
        "revoke_grant": ["revoke_grant"],
    },
    "command line": {
        "approve": ["approve", "edit"],
        "reject": ["reject"],
        "send_back": ["send_back"],
        "decide": ["approve", "reject", "send_back"],
        "claim": ["claim"],
        "release": ["release"],
        "reassign": ["reassign"],
        "settle": ["settle"],
        "delegate": ["delegate", "revoke"],
        "grant": ["grant"],
        "revoke_grant": ["revoke_grant"],
    },
    "admin": {
        "_approve": ["approve", "edit"],
        "_reject": ["reject"],
        "_send_back": ["send_back"],
        "_claim": ["claim"],
        "_release": ["release"],
        "_reassign": ["reassign"],
    },
    "link": {"approve": ["approve"], "reject": ["reject"]},
}
READS = {
    "rest": r"grants?|audit-.*|facts?(-.*)?|entit(y|ies)(-.*)?|memory-.*|working-.*"
    r"|agents?|runs?|run-.*|tool-calls?|approvals?|input-requests?|policies|policy.*|switch.*|budgets"
    r"|llms?(-.*)?|notifications?(-.*)?|sessions?|tickets|push|schema|archived-.*|erasures|delegation|input-request-answer",
    "websocket": r"(read|save|remove|check)_policy|release_notification"
    r"|answer|cancel|pause|resume|retry|switch_.*|set_.*|hide|reveal|restore|list_.*",
    "command line": r"export_audit|memory_(erase|export)"
    r"|answer|archive|budget|cancel|cluster|doctor|drive|erase_user|handlers|hide|inbox|list|notify"
    r"|pause|polic(ies|y_check)|priority|recover|restore|resume|retry|reveal|rotate_keys|run|show|switch_.*|uninstall|verify_audit",
    "admin": "_confirmed",
    "link": "",
}
"""Names that decide about no request."""


def registered(door: str) -> set[str]:
    """What a door knows, as it says itself."""
    if door == "rest":
        return {str(path.name) for path in urls.urlpatterns}
    if door == "websocket":
        return set(FRAMES)
    if door == "command line":
        found = (APP / "management" / "commands").glob("agents_*.py")
        return {path.stem.removeprefix("agents_") for path in found}
    pages, pattern = (
        ("**/*.html", r'name="(_[a-z_]+)"') if door == "admin" else ("links/decide.html", r'value="([a-z_]+)"')
    )
    texts = [path.read_text() for path in (APP / "templates" / "agents_app").glob(pages)]
    return {name for text in texts for name in re.findall(pattern, text)}


def test_every_command_is_in_the_table_or_named_as_another() -> None:
    commands = {name for name in services.__all__ if inspect.isfunction(getattr(services, name))}
    assert commands == set(COMMANDS.values()) | OTHERS | BESIDE


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_rows(command: str) -> None:
    rows = [case for case in TABLE if case.command == command]
    assert {case.kind for case in rows} >= {"done", "nobody"}
    assert len({case.name for case in rows}) == len(rows)
    if command != "release" and command != "revoke":
        assert {case.who for case in rows} >= set(MUST)


def test_all_sorts_of_people_are_in_the_table() -> None:
    for command in ("approve", "edit", "reject"):
        assert {case.who for case in TABLE if case.command == command} >= FIVE


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_every_command_is_at_every_door(door: object) -> None:
    name, offers = door.name, set(door.offers)  # type: ignore[attr-defined]
    missing = {command for command in COMMANDS if name in NOT_THERE.get(command, ())}
    assert offers == set(COMMANDS) - missing


@pytest.mark.parametrize("door", REGISTERED)
def test_what_a_door_registers_is_in_the_table(door: str) -> None:
    known = REGISTERED[door]
    new = {name for name in registered(door) if name not in known and not re.fullmatch(READS[door], name)}
    assert not new, f"{door} has what no row is about: add rows to cases.py, and how it is done to doors.py"
    assert set(known) <= registered(door)
    offers = next(each.offers for each in DOORS if each.name == door)
    assert {command for commands in known.values() for command in commands} <= set(offers)
