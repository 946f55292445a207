"""Commands on who decides in whose place: delegate, revoke."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext

from agents_app.conf import conf
from agents_app.exceptions import InvalidInput, NotPermitted
from agents_app.models import Delegation, as_stored, database_now
from agents_app.selectors.delegations import key_of, visible_delegations
from agents_app.selectors.people import DECIDE, MANAGE_DELEGATIONS, name_of
from agents_app.selectors.runs import one_of
from agents_app.services.runs import checked_reason

LONGEST = timedelta(days=366)


def delegate(
    *, to: Any, by: Any, until: datetime, since: datetime | None = None, giver: Any = None, reason: str = ""
) -> Delegation:
    """Let `to` decide what `by` may, from `since` (now) until `until`, a year at most. It can be revoked.

    giver: whose decisions, if not one's own; needs `manage_delegation`. `to` needs the permission to decide at all; the
    groups, permissions and names that a request asks for are the giver's. Raises NotPermitted, InvalidInput.
    """
    giver = by if giver is None else giver
    _may_delegate(by, giver)
    if key_of(to) == key_of(giver):
        raise InvalidInput(gettext("To decide oneself needs no delegation."), code="same_person")
    if not (key_of(to) and to.is_active and to.has_perm(DECIDE)):
        raise InvalidInput(
            gettext("%(who)s cannot decide at all: %(permission)s is missing.")
            % {"who": name_of(to), "permission": DECIDE},
            code="cannot_decide",
        )
    now = database_now()
    begins = now if since is None else as_stored(since)
    ends = as_stored(until)
    if not begins < ends <= begins + LONGEST or ends <= now:
        raise InvalidInput(
            gettext("A delegation ends after it has begun, in the future, and within a year."), code="period"
        )
    row = Delegation(
        giver_key=key_of(giver),
        giver_name=name_of(giver),
        receiver_key=key_of(to),
        receiver_name=name_of(to),
        begins_at=begins,
        ends_at=ends,
        reason=checked_reason(reason),
        made_by_name=name_of(by),
        made_at=now,
    )
    with transaction.atomic(using=conf.DATABASE):
        row.save(force_insert=True)
    return row


def revoke_delegation(delegation_id: Any, *, by: Any) -> Delegation:
    """End it now: whose decisions they are, or somebody with `manage_delegation`. Raises NotFound, NotPermitted."""
    row: Delegation = one_of(visible_delegations(by), delegation_id)
    if key_of(by) != row.giver_key and not by.has_perm(MANAGE_DELEGATIONS):
        text = f"Only {row.giver_name}, and people with the permission {MANAGE_DELEGATIONS}, may revoke this."
        raise NotPermitted(text, rule=MANAGE_DELEGATIONS)
    open_ones = Delegation.objects.filter(pk=row.pk, revoked_at__isnull=True)
    open_ones.update(revoked_at=database_now(), revoked_by_name=name_of(by))
    row.refresh_from_db()
    return row


def _may_delegate(by: Any, giver: Any) -> None:
    if not key_of(giver):
        raise InvalidInput(gettext("Only a person's decisions can be delegated."), code="no_person")
    own = key_of(by) == key_of(giver) and by.is_active and by.has_perm(DECIDE)
    if not own and not (by.is_active and by.has_perm(MANAGE_DELEGATIONS)):
        needed = DECIDE if key_of(by) == key_of(giver) else MANAGE_DELEGATIONS
        raise NotPermitted(gettext("This needs the permission %(permission)s.") % {"permission": needed}, rule=needed)
