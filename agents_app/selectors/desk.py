"""What the admin's first page tells: how much waits, runs and failed, and how fast people decide. Nothing is counted
without a limit."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from agents_app.core.status import RunStatus, Verdict
from agents_app.models import AgentContext, Decision
from agents_app.selectors.people import VIEW_RUN, not_hidden, pending_approvals
from agents_app.selectors.runs import at_most

MOST = 1000
"""Rows that one number counts."""
MOST_DECISIONS = 100
"""The newest decisions, of which the median is taken."""
RUNNING = (RunStatus.IDLE, RunStatus.THINKING, RunStatus.USING_TOOL)
FINAL = (Verdict.APPROVED, Verdict.REJECTED, Verdict.SENT_BACK)


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """Numbers of at most MOST each. `running` and `failed` are None for who may not see the runs of others;
    `median_seconds` is None while nobody has decided."""

    waiting: int
    running: int | None
    failed: int | None
    median_seconds: float | None


def overview(user: Any, *, since: datetime) -> Overview:
    """What this person may know. since: when today began."""
    sees_runs = bool(user.has_perm(VIEW_RUN))
    runs = not_hidden(AgentContext.objects.all(), user)
    return Overview(
        waiting=at_most(pending_approvals(user).select_related(None), MOST),
        running=at_most(runs.filter(due_at__isnull=False, status__in=RUNNING), MOST) if sees_runs else None,
        failed=at_most(runs.filter(details__ended_at__gte=since, status=RunStatus.FAILED), MOST) if sees_runs else None,
        median_seconds=median_to_decide(),
    )


def median_to_decide() -> float | None:
    """How long the newest requests waited for their decisions, in seconds."""
    newest = Decision.objects.filter(verdict__in=FINAL, request__isnull=False).order_by("-pk")
    spans: list[timedelta] = [
        decided - asked for decided, asked in newest.values_list("decided_at", "request__created_at")[:MOST_DECISIONS]
    ]
    return median(span.total_seconds() for span in spans) if spans else None
