"""When something will happen to a question that nobody answers."""

from datetime import datetime

from agents_app.conf import conf
from agents_app.core.approval_times import NEVER, ApprovalTimes, deadlines
from agents_app.models import ApprovalRequest


def put_times(request: ApprovalRequest, times: ApprovalTimes, now: datetime) -> None:
    """Set when what happens to this new question. times: what the tool says; the rest is as the settings have it."""
    found = deadlines(times, _usual(), now)
    request.expires_at, request.on_expiry = found.expires_at, found.on_expiry
    request.remind_at, request.escalate_at = found.remind_at, found.escalate_at
    request.escalate_to, request.escalate_to_group = found.escalate_to, found.escalate_to_group
    request.valid_seconds = found.valid_seconds


def _usual() -> ApprovalTimes:
    return ApprovalTimes(
        expires_after=conf.APPROVAL_EXPIRES_SECONDS or NEVER,
        on_expiry=conf.APPROVAL_ON_EXPIRY,
        remind_after=conf.APPROVAL_REMIND_SECONDS,
        valid_for=conf.APPROVAL_VALID_SECONDS,
    )
