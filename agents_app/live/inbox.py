"""Hints for people who decide: that what waits for them has changed."""

import asyncio

from django.db.models import Count, Max

from agents_app.core.status import ApprovalStatus, ToolCallStatus
from agents_app.live.frames import InboxFrame
from agents_app.models import ApprovalRequest, ToolCall

Waiting = tuple[int, object, int]


def waiting() -> Waiting:
    """What waits for people: pending approval requests, the newest of them, and calls of unknown outcome."""
    requests = ApprovalRequest.objects.filter(status=ApprovalStatus.PENDING).aggregate(
        n=Count("pk"), newest=Max("created_at")
    )
    unknown = ToolCall.objects.filter(status=ToolCallStatus.UNKNOWN).count()
    return requests["n"], requests["newest"], unknown


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
        pending, _, unknown = self._now or (0, None, 0)
        return InboxFrame(pending=pending, unknown=unknown)
