"""Commands on who decides in whose place: delegate, revoke."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext

from agents_app.conf import conf
from agents_app.exceptions import InvalidInput, NotPermitted
from agents_app.models import Delegation, as_stored, database_now
from agents_app.selectors.delegations import key_of, visible_delegations
from agents_app.selectors.people import DECIDE, MANAGE_DELEGATIONS, lacking, name_of
from agents_app.selectors.runs import one_of
from agents_app.services.journal import ADDED, noted
from agents_app.services.principals import the_person
from agents_app.services.runs import checked_reason

LONGEST = timedelta(days=366)


def delegate(
    *, to: Any, by: Any, until: datetime, since: datetime | None = None, giver: Any = None, reason: str = ""
) -> Delegation:
    """Let `to` decide what `by` may, from `since` (now) until `until`, a year at most. It can be revoked.

    People are given as such, or by their names. giver: whose decisions, if not one's own; needs `manage_delegation`.
    `to` needs the permission to decide at all; the groups, permissions and names that a request asks for are the
    giver's. Raises NotPermitted, InvalidInput.
    """
    giver = _giver(giver, by)
    _may_delegate(by, giver)
    to = the_person(to)
    if key_of(to) == key_of(giver):
        raise InvalidInput(gettext("To decide oneself needs no delegation."), code="same_person")
    if not (key_of(to) and to.is_active and to.has_perm(DECIDE)):
        raise InvalidInput(
            gettext("%(who)s cannot decide at all: %(permission)s is missing.")
            % {"who": name_of(to), "permission": DECIDE},
            code="cannot_decide",
        )
    now = database_now()
    begins, ends = max(_stored(since or now), now), _stored(until)
    if not begins < ends or ends - begins > LONGEST:
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
        noted(by, row, "delegated", ADDED)
    return row


def revoke_delegation(delegation_id: Any, *, by: Any) -> Delegation:
    """End it now: whose decisions they are, or somebody with `manage_delegation`. Raises NotFound, NotPermitted."""
    row: Delegation = one_of(visible_delegations(by), delegation_id)
    if key_of(by) != row.giver_key and not by.has_perm(MANAGE_DELEGATIONS):
        text = gettext("Only %(who)s, and people with the permission %(permission)s, may revoke this.")
        text %= {"who": row.giver_name, "permission": MANAGE_DELEGATIONS}
        raise NotPermitted(text, rule=MANAGE_DELEGATIONS)
    open_ones = Delegation.objects.filter(pk=row.pk, revoked_at__isnull=True)  # who was first stays named
    with transaction.atomic(using=conf.DATABASE):
        if open_ones.update(revoked_at=database_now(), revoked_by_name=name_of(by)):
            noted(by, row, "revoked")
    row.refresh_from_db()
    return row


def may_delegate(user: Any) -> bool:
    """Whether this person has decisions to delegate, or may delegate those of others."""
    return bool(user.is_active and (may_manage(user) or (key_of(user) and user.has_perm(DECIDE))))


def may_manage(user: Any) -> bool:
    """Whether this person sees all delegations, and makes and revokes those of others."""
    return bool(user.is_active and user.has_perm(MANAGE_DELEGATIONS))


def may_revoke(user: Any, row: Delegation) -> bool:
    """Whether this person may end it."""
    return bool(row.revoked_at is None and user.is_active and (key_of(user) == row.giver_key or may_manage(user)))


def _giver(giver: Any, by: Any) -> Any:
    if giver is None or (isinstance(giver, str) and giver == name_of(by)):
        return by
    if isinstance(giver, str) and not may_manage(by):
        raise lacking(MANAGE_DELEGATIONS)
    return the_person(giver)


def _stored(moment: datetime) -> datetime:
    try:
        return as_stored(moment)
    except OverflowError:  # at the edge of the calendar
        raise InvalidInput(gettext("That moment cannot be used."), code="period") from None


def _may_delegate(by: Any, giver: Any) -> None:
    if not key_of(giver):
        raise InvalidInput(gettext("Only a person's decisions can be delegated."), code="no_person")
    own = key_of(by) == key_of(giver) and by.is_active and by.has_perm(DECIDE)
    if not own and not (by.is_active and by.has_perm(MANAGE_DELEGATIONS)):
        raise lacking(DECIDE if key_of(by) == key_of(giver) else MANAGE_DELEGATIONS)
