"""Hiding a run from everybody but those who may see hidden runs, and showing it again."""

from typing import Any

from django.utils.translation import gettext

from agents_app.exceptions import WrongState
from agents_app.selectors.people import HIDE, lacking, name_of
from agents_app.services.found import found_run
from agents_app.services.runs import checked_reason
from agents_app.services.summaries import forget_summary
from agents_app.services.values import Run, read_run
from agents_app.transitions import Change, change, runs


def hide_run(run_id: Any, *, by: Any, reason: str = "") -> Run[Any]:
    """Let nobody see an ended run any more but those with `view_hidden`. Nothing is deleted; `reveal_run` undoes it."""
    context = found_run(run_id, by)
    _require(by)
    with change(context.pk) as edit:
        _refuse(edit)
        if edit.context.hidden_at is None:
            runs.hide(edit, by=name_of(by), reason=checked_reason(reason))
            forget_summary(edit.context)
    return read_run(context.pk)


def reveal_run(run_id: Any, *, by: Any) -> Run[Any]:
    """Let a hidden run be seen again. Takes somebody who sees it."""
    context = found_run(run_id, by)
    _require(by)
    with change(context.pk) as edit:
        _refuse(edit)
        if edit.context.hidden_at is None:
            raise WrongState(gettext("This run is not hidden."), code="not_hidden")
        runs.reveal(edit, by=name_of(by))
    return read_run(context.pk)


def _require(by: Any) -> None:
    if not (by.is_active and by.has_perm(HIDE)):
        raise lacking(HIDE)


def _refuse(edit: Change) -> None:
    if not edit.context.ended:
        raise WrongState(gettext("Only a run that has ended can be hidden: somebody may have to decide about it."))
    if edit.context.details.restored_at is not None:
        raise WrongState(gettext("This run was brought back from an archive, to be read only."), code="restored")
