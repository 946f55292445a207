"""What all commands share: options, people, errors that become exit codes, JSON."""

import json
import os
import signal
import sys
from abc import abstractmethod
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, ProgrammingError
from django.utils.dateparse import parse_datetime

from agents_app.definitions.validation import at_place
from agents_app.exceptions import AgentsError, InvalidArguments, InvalidInput, NotFound
from agents_app.management.console import Console
from agents_app.management.exits import Exit, exit_of_error
from agents_app.selectors.people import VIEW_SENSITIVE
from agents_app.services import Origin
from agents_app.services.principals import System

READER_LEFT = 128 + signal.SIGPIPE
"""What a shell says of a program that wrote to nobody."""

COMMAND = Origin(door="command")
"""The door that decisions made on the command line are recorded with."""


class Operator(System):
    """Whoever may run commands on this machine: sees everything but sensitive arguments."""

    def has_perm(self, permission: str, obj: object = None) -> bool:
        """All permissions but one: what is sensitive needs a person with the permission (`--as`)."""
        return permission != VIEW_SENSITIVE


OPERATOR = Operator()


class AgentsCommand(BaseCommand):
    """Base of the commands. A subclass implements `act`; errors of the services become messages and exit codes."""

    reads = False
    """Offers `--json`: what REST would give."""

    def add_arguments(self, parser: CommandParser) -> None:
        """The options of this command, and those that it shares with others."""
        self.add_own(parser)
        if self.reads:
            parser.add_argument("--json", action="store_true", help="Print JSON: what the REST API would give.")

    def add_own(self, parser: CommandParser) -> None:
        """The options of this command."""

    @abstractmethod
    def act(self, **options: Any) -> Exit | None:
        """Do it. Gives the exit code; None is done."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Run `act`. Leaves with its exit code; errors become CommandError with theirs."""
        self.console = Console(self.stdout, self.style)
        try:
            code = self.act(**options)
            self.stdout.flush()
        except BrokenPipeError:
            # Whoever read it (head, less) has enough. What Python still writes at its end must go somewhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            sys.exit(READER_LEFT)
        except AgentsError as error:
            raise CommandError(_message_of(error), returncode=exit_of_error(error)) from error
        except (OperationalError, ProgrammingError) as error:
            text = f"The database did not do what was asked: {error}\n`manage.py agents_doctor` looks for the cause."
            raise CommandError(text, returncode=Exit.FAILED) from error
        if code:
            sys.exit(code)

    def print_json(self, value: Any) -> None:
        """Print one JSON value, readable."""
        self.stdout.write(json.dumps(value, indent=2, ensure_ascii=False))


def add_as(parser: CommandParser, *, required: bool) -> None:
    """The option `--as`: who does it."""
    default = "" if required else " Default: the system, which may do everything that needs no person's judgement."
    parser.add_argument(
        "--as",
        dest="as_user",
        metavar="USER",
        required=required,
        help=f"Who does this: the user's natural key (user name, or e-mail address where that is it).{default}",
    )


def person(key: str | None) -> Any:
    """The user with this natural key; the operator for None. Raises NotFound."""
    if key is None:
        return OPERATOR
    users = get_user_model()._default_manager
    try:
        return users.get_by_natural_key(key)
    except users.model.DoesNotExist:
        raise NotFound(f"There is no user “{key}”.", code="unknown_user") from None


def json_value(text: str, option: str) -> Any:
    """The value of an option that takes JSON. Raises InvalidInput."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"{option} takes JSON; this is none: {error}.", code="invalid_json") from None


def moment_value(text: str | None, option: str) -> datetime | None:
    """The value of an option that takes a moment. Raises InvalidInput."""
    if text is None:
        return None
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise InvalidInput(f"{option} takes a moment like 2027-01-31T18:00:00+01:00.")
    return moment


def json_or_text(text: str) -> Any:
    """The JSON value that this text is; the text itself if it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _message_of(error: AgentsError) -> str:
    details = error.errors if isinstance(error, InvalidArguments) else error.details.get("errors") or []
    lines = [f"{error.message} ({error.code})"]
    for detail in details:
        line = at_place(detail.get("path", []), str(detail.get("message", "")))
        if line not in error.message:
            lines.append(f"  {line}")
    return "\n".join(lines)
