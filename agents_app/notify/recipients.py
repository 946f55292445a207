"""Who is told of a request: those who may decide it."""

from typing import Any

from agents_app.gate.approvers import may_decide
from agents_app.models import ApprovalRequest
from agents_app.selectors import approvers
from agents_app.selectors.people import deciders, hidden_from

MOST = 1_000
"""People who are told of one request."""


def approvers_of(request: ApprovalRequest) -> list[Any]:
    """The active users who may decide it now, at most MOST of them.

    A few queries, however many people there are; where a backend of the project's own has a say, it is asked of each.
    """
    if approvers.rows_tell():
        return list(approvers.approvers_of(request)[:MOST])
    found: list[Any] = []
    for user in deciders().order_by("pk").iterator(chunk_size=200):
        if may_be_told(user, request):
            found.append(user)
        if len(found) == MOST:
            break
    return found


def may_be_told(user: Any, request: ApprovalRequest) -> bool:
    """Whether this person may decide the request, and so know of it."""
    return bool(user.is_active and not hidden_from(user, request.context) and may_decide(user, request).allowed)
