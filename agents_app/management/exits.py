"""Exit codes: what a script may rely on."""

from enum import IntEnum
from types import MappingProxyType
from typing import Any

from agents_app.core.status import RunStatus
from agents_app.exceptions import AgentsError, InvalidInput, NotFound, NotPermitted, WrongState
from agents_app.services import Run


class Exit(IntEnum):
    DONE = 0
    FAILED = 1
    INVALID = 2
    NOT_FOUND = 3
    NOT_PERMITTED = 4
    WRONG_STATE = 5
    WAITS = 6


MEANINGS = MappingProxyType(
    {
        Exit.DONE: "Done. A run that was watched has completed.",
        Exit.FAILED: "Failed. A run that was watched has failed or was cancelled; the doctor found something broken; "
        "the queue takes no wake-ups.",
        Exit.INVALID: "What was given cannot be used: options, arguments, an answer.",
        Exit.NOT_FOUND: "There is no such thing or person, or that person may not see it.",
        Exit.NOT_PERMITTED: "That person may not do this.",
        Exit.WRONG_STATE: "The state does not allow it: already decided, expired, ended, changed meanwhile.",
        Exit.WAITS: "The run that was watched waits for people.",
    }
)


def exit_of_error(error: AgentsError) -> Exit:
    """The exit code that an error of the services means."""
    match error:
        case InvalidInput():
            return Exit.INVALID
        case NotFound():
            return Exit.NOT_FOUND
        case NotPermitted():
            return Exit.NOT_PERMITTED
        case WrongState():
            return Exit.WRONG_STATE
    return Exit.FAILED


def exit_of_run(run: Run[Any]) -> Exit:
    """The exit code that a run's status means, once it was watched."""
    if run.status == RunStatus.COMPLETED:
        return Exit.DONE
    return Exit.FAILED if run.ended else Exit.WAITS
