"""One approval request with its call, its run and the run's details: what each decision begins and ends with.

It has so many columns that to make its query took Django longer than all that a decision writes: it is made once.
"""

from typing import Any
from uuid import UUID

from django.db.models import UUIDField

from agents_app.models import ApprovalRequest, Bound, Prepared
from agents_app.selectors.people import VIEW_HIDDEN, approvals_and_runs, knows_approvals, unhidden, visible_approvals
from agents_app.selectors.runs import is_id, one_of


def approval_seen_by(user: Any, key: Any) -> ApprovalRequest:
    """The request of this id. Raises NotFound, also where this person may not know of it."""
    if knows_approvals(user) and is_id(key):
        for request in _of_all(bool(user.has_perm(VIEW_HIDDEN)), key=UUID(str(key))):
            return request
    found: ApprovalRequest = one_of(visible_approvals(user), key)
    return found


def approval_again(request: ApprovalRequest) -> ApprovalRequest:
    """The same as it is now."""
    (found,) = _of_all(True, key=request.pk)
    return found


def _by_key(hidden: bool) -> Any:
    """hidden: those of hidden runs, too."""
    requests = approvals_and_runs()
    return (requests if hidden else unhidden(requests, "context__")).filter(pk=Bound("key", UUIDField()))


_of_all: Prepared[ApprovalRequest] = Prepared(_by_key)
