"""May this person decide."""

from dataclasses import dataclass
from typing import Any

from agents_app.models import ApprovalRequest
from agents_app.selectors.people import DECIDE


@dataclass(frozen=True, kw_only=True, slots=True)
class Permission:
    """Whether somebody may decide; if not, which rule forbids it."""

    allowed: bool
    rule: str = ""
    reason: str = ""


YES = Permission(allowed=True)


def may_decide(user: Any, request: ApprovalRequest) -> Permission:
    """Asked when a person decides, and again before the call is made."""
    if user is not None and user.pk is None:
        return Permission(allowed=False, rule="person", reason="Only a person can decide.")
    if user is None or not user.is_active:
        return Permission(allowed=False, rule="active", reason="This account is not active.")
    if not user.has_perm(DECIDE):
        return Permission(allowed=False, rule=DECIDE, reason=f"You need the permission {DECIDE}.")
    if request.permission and not user.has_perm(request.permission):
        reason = f"Decisions on {request.call.tool} need the permission {request.permission}."
        return Permission(allowed=False, rule=request.permission, reason=reason)
    return YES
