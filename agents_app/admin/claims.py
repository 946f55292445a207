"""Who looks after a request, on its page: take it on, give it back, hand it to a colleague."""

from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from agents_app.models import ApprovalRequest
from agents_app.selectors.colleagues import colleagues_of
from agents_app.services import claim_request, reassign_request, release_request
from agents_app.services.claiming import may_hand_over, may_release

BUTTONS = ("_claim", "_release", "_reassign")


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """How the request stands, and what this person may do about it. colleagues: names to suggest."""

    by: str
    may_take: bool
    may_release: bool
    may_hand_over: bool
    colleagues: tuple[str, ...]


def claim_on(user: Any, row: ApprovalRequest, *, allowed: bool) -> Claim:
    """What the page of an open request shows. allowed: whether this person may decide it."""
    hand_over = may_hand_over(user, row, decides=allowed)
    return Claim(
        by=row.claimed_by_name,
        may_take=allowed and not row.claimed_by_key,
        may_release=may_release(user, row),
        may_hand_over=hand_over,
        colleagues=tuple(colleagues_of(user, row)) if hand_over else (),
    )


def is_claiming(given: QueryDict) -> bool:
    """Whether one of the buttons was pressed."""
    return any(name in given for name in BUTTONS)


def claimed(user: Any, row: ApprovalRequest, given: QueryDict) -> str:
    """Do what the button says; gives what was done, in a sentence. Raises AgentsError."""
    if "_claim" in given:
        claim_request(row.pk, by=user)
        return _("You have taken it on. Others may still decide.")
    if "_release" in given:
        release_request(row.pk, by=user)
        return _("It is nobody's now.")
    made = reassign_request(row.pk, to=given.get("to", "").strip(), by=user)
    return _("It was handed to %(name)s.") % {"name": made.claimed_by_name}
