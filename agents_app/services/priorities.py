"""Changing how urgent a run is."""

from typing import Any, Literal

from django.utils.translation import gettext

from agents_app.core.priority import RANKS, Priority
from agents_app.exceptions import InvalidInput, WrongState
from agents_app.selectors.people import CONTROL, lacking, may_control, name_of
from agents_app.services.found import found_run
from agents_app.services.values import Run, read_run
from agents_app.transitions import change
from agents_app.transitions.priorities import prioritise


def set_priority(run_id: Any, priority: Literal["high", "normal", "low"], *, by: Any) -> Run[Any]:
    """Change which run is taken first when more is due than workers can drive; what is driven goes on.

    Needs control_run. Raises NotFound, NotPermitted, InvalidInput, and WrongState if the run has ended.
    """
    urgency = checked_priority(priority)
    context = found_run(run_id, by)
    if not may_control(by, context):
        raise lacking(CONTROL)
    with change(context.pk) as edit:
        if edit.context.ended:
            raise WrongState(
                gettext("This run has ended: it is %(status)s.") % {"status": gettext(edit.context.status)},
                code="ended",
            )
        if edit.context.priority != RANKS[urgency]:
            prioritise(edit, urgency, by=name_of(by))
    return read_run(context.pk)


def checked_priority(name: str) -> Priority:
    """The priority of this name. Raises InvalidInput."""
    try:
        return Priority(name)
    except ValueError:
        raise InvalidInput(gettext("A priority is one of: %(names)s.") % {"names": ", ".join(Priority)}) from None
