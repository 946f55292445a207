"""What a command of the websocket is, and who sends it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext

from agents_app.exceptions import InvalidInput
from agents_app.services import Origin
from agents_app.ws.frames import CommandFrame, RunCommand


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Who sends commands, from where, the run of the websocket (None for the inbox), and the language of replies (None:
    as they are written)."""

    user: Any
    origin: Origin
    run_id: UUID | None
    language: str | None = None

    def run(self, command: RunCommand) -> Any:
        """The run that a command is about. Raises InvalidInput if it names none."""
        if command.run is None and self.run_id is None:
            raise InvalidInput(gettext("Say which run: here none is implied."), code="run_required")
        return command.run or self.run_id


Perform = Callable[[Any, Caller], Any]
Show = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Command:
    """A command's payload, and what performs it and gives back what it was about.

    shown: what the reply tells of that, as REST would, if it is more than a status.
    """

    payload: type[CommandFrame]
    perform: Perform
    shown: Show | None = None
