"""Taking a person out of the rows of a run that has ended. The one place where an event's words are changed."""

from agents_app.core.events import EventType
from agents_app.models import AgentEvent
from agents_app.models.audited import Rebinding
from agents_app.models.belongings import belongings, values_of
from agents_app.models.erasure import Person, erased
from agents_app.transitions.change import Change


def erase(edit: Change, person: Person, *, by: str, reason: str) -> None:
    """Blank what speaks of the person, and record that it was done; what is left is the skeleton of the run.

    The hash chain holds still: events keep the digests of what they said, the salt that these were made with goes,
    and the event of this binds everything anew as it is now.
    """
    chain = Rebinding(edit.context.chain_salt)
    for kind in belongings():
        if kind.name in ("agentcontext", "rundetails"):
            continue  # written with the change itself
        rows = kind.model._base_manager
        for row in rows.filter(**{kind.path: edit.context.pk}).iterator():
            changed = erased(kind.name, values_of(row), person)
            if isinstance(row, AgentEvent) and row.link is not None:
                changed["digest"] = chain.digest(row)
            if changed:
                rows.filter(pk=row.pk).update(**changed)
            for name, value in changed.items():
                setattr(row, name, value)
            chain.bind(row)
    edit.context.chain_salt = chain.salt
    edit.bound += chain.bound
    for name, value in erased("agentcontext", values_of(edit.context), person).items():
        setattr(edit.context, name, value)
    edit.set_details(**erased("rundetails", values_of(edit.context.details), person), erased_at=edit.now)
    edit.record(EventType.RUN_ERASED, by=by or None, reason=reason)
