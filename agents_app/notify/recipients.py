"""Who is told: of a request those who may decide it, of a call of unknown outcome those who may settle it."""

from typing import Any

from agents_app.gate.approvers import may_decide
from agents_app.models import ApprovalRequest, ToolCall
from agents_app.selectors import approvers
from agents_app.selectors.people import SETTLE, active_holders, deciders, hidden_from, may_settle

MOST = 1_000
"""People who are told of one request or call."""


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


def settlers_of(call: ToolCall) -> list[Any]:
    """The active users who may say what became of it, at most MOST of them."""
    found: list[Any] = []
    for user in active_holders(SETTLE).order_by("pk").iterator(chunk_size=200):
        if may_be_told_of_call(user, call):
            found.append(user)
        if len(found) == MOST:
            break
    return found


def may_be_told_of_call(user: Any, call: ToolCall) -> bool:
    """Whether this person may settle the call, and so know of it."""
    return bool(not hidden_from(user, call.context) and may_settle(user, call))
