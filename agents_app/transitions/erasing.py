"""Taking a person out of the rows of a run that has ended. The one place where an event's words are changed."""

from agents_app.core.events import EventType
from agents_app.models.belongings import belongings, values_of
from agents_app.models.erasure import Person, erased
from agents_app.transitions.change import Change


def erase(edit: Change, person: Person, *, by: str, reason: str) -> None:
    """Blank what speaks of the person, and record that it was done; what is left is the skeleton of the run."""
    for kind in belongings():
        if kind.name in ("agentcontext", "rundetails"):
            continue  # written with the change itself
        rows = kind.model._base_manager
        for row in rows.filter(**{kind.path: edit.context.pk}).iterator():
            changed = erased(kind.name, values_of(row), person)
            if changed:
                rows.filter(pk=row.pk).update(**changed)
    for name, value in erased("agentcontext", values_of(edit.context), person).items():
        setattr(edit.context, name, value)
    edit.set_details(**erased("rundetails", values_of(edit.context.details), person), erased_at=edit.now)
    edit.record(EventType.RUN_ERASED, by=by or None, reason=reason)
