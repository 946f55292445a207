"""The page about the commands, from their own help. `docs/generate.py` writes it with the others."""

import argparse
import importlib
import pkgutil
from collections.abc import Iterator

from agents_app.knowledge.management import commands as knowledge_commands
from agents_app.management import commands
from agents_app.management.base import AgentsCommand
from agents_app.management.exits import MEANINGS

NOTE = "<!-- Made from the code by scripts/docs. Change the code, not this page. -->"
GROUPS = {
    "Look": ("agents_list", "agents_show", "agents_inbox", "agents_doctor", "agents_policies", "agents_policy_check"),
    "Run": (
        "agents_run",
        "agents_cancel",
        "agents_pause",
        "agents_priority",
        "agents_resume",
        "agents_retry",
        "agents_hide",
        "agents_reveal",
    ),
    "Decide": (
        "agents_approve",
        "agents_reject",
        "agents_send_back",
        "agents_claim",
        "agents_release",
        "agents_reassign",
        "agents_delegate",
        "agents_decide",
        "agents_grant",
        "agents_revoke_grant",
        "agents_settle",
        "agents_answer",
    ),
    "Operate": (
        "agents_switch_off",
        "agents_switch_on",
        "agents_cluster",
        "agents_recover",
        "agents_drive",
        "agents_uninstall",
        "agents_archive",
        "agents_restore",
        "agents_rotate_keys",
        "agents_erase_user",
        "agents_memory_export",
        "agents_memory_erase",
        "agents_verify_audit",
        "agents_export_audit",
        "agents_handlers",
        "agents_notify",
        "agents_budget",
    ),
    "Know": ("agents_ingest", "agents_knowledge_setup"),
}
INTRODUCTION = """\
`manage.py agents_…` does what the other doors do, by the same rules. `manage.py COMMAND --help` says what stands here.

- **Ids** may be shortened to their beginning, as long as only one thing begins so.
- **People** are named by their natural key: the user name, or whatever `USERNAME_FIELD` is. Who decides is a person
  (`--as`), and needs that person's permissions. Without `--as` the other commands are done by the system, which sees
  everything but sensitive arguments.
- **`--json`** prints what the REST API would give.
- **Colour** is for terminals; `--no-color` turns it off."""


def commands_page() -> str:
    """The whole page."""
    return "\n\n".join((NOTE, "# Commands", INTRODUCTION, "## Exit codes", _exits(), *_groups())) + "\n"


def names() -> list[str]:
    """The names of all commands of this app."""
    return sorted(_homes())


def _homes() -> dict[str, str]:
    """The package of each command."""
    packages = (commands, knowledge_commands)
    found = ((module.name, each.__name__) for each in packages for module in pkgutil.iter_modules(each.__path__))
    return {name: home for name, home in found if name.startswith("agents_")}


def _exits() -> str:
    return "\n".join(
        ["| Exit | Meaning |", "| --- | --- |", *(f"| {int(c)} | {text} |" for c, text in MEANINGS.items())]
    )


def _groups() -> Iterator[str]:
    for title, members in GROUPS.items():
        yield f"## {title}"
        yield from (_command(name) for name in members)


def _command(name: str) -> str:
    command: AgentsCommand = importlib.import_module(f"{_homes()[name]}.{name}").Command()
    parser = argparse.ArgumentParser(prog=name, add_help=False)
    command.add_arguments(parser)  # type: ignore[arg-type]
    actions = parser._actions
    rows = "\n".join(f"| {_shown(action)} | {_cell(action.help or '')} |" for action in actions)
    table = f"\n\n| Argument | Meaning |\n| --- | --- |\n{rows}" if actions else ""
    usage = " ".join(["manage.py", name, *(_usage(action) for action in actions)])
    return f"### {name}\n\n{command.help}\n\n```console\n{usage}\n```{table}"


def _usage(action: argparse.Action) -> str:
    shown = " ".join(filter(None, [action.option_strings[0] if action.option_strings else "", _value(action)]))
    needed = action.required if action.option_strings else action.nargs != "?"
    return shown if needed else f"[{shown}]"


def _value(action: argparse.Action) -> str:
    if action.option_strings and action.nargs == 0:
        return ""
    if action.choices:
        return "|".join(str(choice) for choice in action.choices)
    return str(action.metavar or action.dest.upper())


def _shown(action: argparse.Action) -> str:
    text = " ".join(filter(None, [", ".join(action.option_strings), _value(action)]))
    return f"`{_cell(text)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
