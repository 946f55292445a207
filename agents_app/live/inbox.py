"""Hints for people who decide: that what waits for them has changed."""

import asyncio

from agents_app.core.status import ApprovalStatus, ToolCallStatus
from agents_app.live.frames import InboxFrame
from agents_app.models import ApprovalRequest, ToolCall

Waiting = tuple[int, object, int, object]


MOST_COUNTED = 1000


def waiting() -> Waiting:
    """What waits for people: pending approval requests, the newest of them, calls of unknown outcome, and who has
    taken what on.

    Counted up to MOST_COUNTED: this is asked again whenever a run changes.
    """
    requests = ApprovalRequest.objects.filter(status=ApprovalStatus.PENDING).order_by("-created_at")
    newest = requests.values_list("created_at", flat=True)[:MOST_COUNTED]
    unknown = ToolCall.objects.filter(status=ToolCallStatus.UNKNOWN).order_by()
    claimed = requests.exclude(claimed_by_key="").order_by("claimed_by_key")
    claims = frozenset(claimed.values_list("pk", "claimed_by_key")[:MOST_COUNTED])
    return len(newest), newest[0] if newest else None, len(unknown.values_list("pk")[:MOST_COUNTED]), claims


class InboxFeed:
    """One watcher of the inbox: of many changes while it does not read it is told once."""

    def __init__(self) -> None:
        self._now: Waiting | None = None
        self._news = asyncio.Event()

    def heard(self, now: Waiting) -> None:
        """This is what waits now."""
        if now != self._now:
            self._now = now
            self._news.set()

    async def next(self) -> InboxFrame:
        """The next hint; waits for it."""
        await self._news.wait()
        self._news.clear()
        pending, _, unknown, _ = self._now or (0, None, 0, None)
        return InboxFrame(pending=pending, unknown=unknown)
