"""Options of commands that say what may be spent."""

from typing import Any

from django.core.management.base import CommandParser

from agents_app.core.budgets import Budget, Kind

_HELP = {
    Kind.STEPS: "LLM turns and tool calls together, at most.",
    Kind.TOOL_CALLS: "Tool calls, at most.",
    Kind.TOKENS: "Tokens of prompts and replies, at most.",
    Kind.MONEY: "USD, at most: 2.50",
}


def add_limits(parser: CommandParser) -> None:
    """The options `--steps`, `--tool-calls`, `--tokens` and `--money`."""
    for kind, text in _HELP.items():
        read: Any = str if kind is Kind.MONEY else int
        parser.add_argument(f"--{kind.replace('_', '-')}", type=read, metavar="N", help=text)


def limits_of(options: dict[str, Any]) -> Budget | None:
    """What they say; None without any."""
    given = {str(kind): options[kind] for kind in Kind if options[kind] is not None}
    return Budget(**given) if given else None
