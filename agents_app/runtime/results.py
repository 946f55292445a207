"""What becomes of a tool's result and of its exceptions."""

import json
import logging
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agents_app.conf import conf
from agents_app.core.canonical import clean_json
from agents_app.core.outcomes import Ending, Outcome
from agents_app.definitions.summary import redacted
from agents_app.definitions.tool_spec import ToolSpec
from agents_app.exceptions import ApprovalRequired, Postpone, ToolFailed, ToolRetry
from agents_app.models import as_stored

logger = logging.getLogger("agents_app.tools")

SAID_LIMIT = 10_000
"""Characters kept of what a tool's exception says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Returned:
    """What a tool returned, as it is: it is read in the thread that records it. told: events of what it did."""

    value: Any
    told: tuple[tuple[str, Mapping[str, Any]], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Raised:
    """What came of a tool that only reads and has raised. told: events of what it had done by then."""

    outcome: Outcome
    told: tuple[tuple[str, Mapping[str, Any]], ...]


def returned(tool: ToolSpec, value: Any) -> Outcome:
    """A tool that returned has succeeded, whatever it returned: what cannot be stored is replaced by a note."""
    try:
        result, cleaned = clean_json(tool.dump_result(value))
        size = len(json.dumps(result, ensure_ascii=False))
    except Exception as error:
        logger.exception("The result of %s cannot be stored.", tool.name)
        note = f"The tool succeeded, but its result could not be stored: {type(error).__name__}."
        return Outcome(ending=Ending.RETURNED, result=None, note=note)
    if size > conf.RESULT_LIMIT:
        text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
        note = f"The result had {size} characters; only the first {conf.RESULT_LIMIT} are kept."
        return Outcome(ending=Ending.RETURNED, result=text[: conf.RESULT_LIMIT], note=note)
    note = "Characters that cannot be stored were replaced." if cleaned else ""
    return Outcome(ending=Ending.RETURNED, result=result, note=note)


def raised(tool: ToolSpec, error: BaseException, text: str = "") -> Outcome:
    """What an exception of a tool says. The text of an unexpected one goes to the log only: it may hold secrets.

    text: the full canonical arguments; what is sensitive in them is `***` in what is kept, and in the log.
    """
    secrets = _secrets(tool, text)
    match error:
        case ToolRetry():
            return Outcome(ending=Ending.REFUSED, code="retry", message=_said(error, secrets))
        case ToolFailed():
            return Outcome(ending=Ending.REFUSED, code="tool_failed", message=_said(error, secrets))
        case ApprovalRequired():
            return Outcome(ending=Ending.ASKED, code="approval_required", message=_said(error, secrets))
        case Postpone():
            until = as_stored(error.until)
            return Outcome(ending=Ending.POSTPONED, code="postponed", message=_said(error, secrets), until=until)
    if secrets:
        # Its text may quote them, and so may those of the errors that led to it.
        told = redacted("".join(traceback.format_exception(error)), secrets)
        logger.error("Tool %s raised.\n%s", tool.name, told)
    else:
        logger.exception("Tool %s raised.", tool.name, exc_info=error)  # noqa: LOG004  # the callers are handling it
    message = f"The tool raised {type(error).__name__}."
    return Outcome(ending=Ending.RAISED, code="exception", message=message)


def not_called(error: BaseException) -> Outcome:
    """The worker could not even make the call: nothing happened, and it is tried again soon.

    Asks the database nothing: it may be what is away, and this runs on the event loop.
    """
    message = f"The call could not be made: {type(error).__name__}."
    return Outcome(ending=Ending.POSTPONED, code="not_called", message=message)


def timed_out(tool: ToolSpec, seconds: float) -> Outcome:
    """The tool did not return in time."""
    logger.error("Tool %s did not return within %s s.", tool.name, seconds)
    return Outcome(ending=Ending.TIMED_OUT, code="timeout", message=f"The tool did not return within {seconds:g} s.")


def _secrets(tool: ToolSpec, text: str) -> list[Any]:
    """The values of the call's sensitive arguments."""
    if not (tool.sensitive and text):
        return []
    values = json.loads(text)
    return [values[name] for name in tool.sensitive if name in values]


def _said(error: BaseException, secrets: list[Any]) -> str:
    text, _ = clean_json(redacted(str(error), secrets)[:SAID_LIMIT])
    return str(text) or type(error).__name__
