"""Uses of standing grants, counted in the transaction that starts the call: the last one is had once."""

from uuid import UUID

from agents_app.core.events import EventType
from agents_app.models import StandingGrant
from agents_app.transitions.change import Change


def use(grant: UUID, *, counts: bool) -> bool:
    """Whether a grant still stands; if it counts one use less is left. Under the lock of the run that uses it."""
    rows = StandingGrant.objects.filter(pk=grant)
    return rows.use() > 0 if counts else rows.standing().exists()


def give_back(grant: UUID, *, counts: bool) -> None:
    """What was to be allowed does not start in this change."""
    if counts:
        StandingGrant.objects.filter(pk=grant).give_back()


def tell(edit: Change, event: EventType, grant: StandingGrant, *, by: str) -> None:
    """Record on the run that a grant was made from that one was made, or revoked."""
    edit.record(event, grant=grant.pk, tool=grant.tool, scope=grant.scope, by=by or None)
