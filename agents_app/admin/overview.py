"""The numbers on the admin's first page, in words."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from agents_app.admin.displays import duration
from agents_app.admin.links import Links
from agents_app.models import database_now
from agents_app.selectors.desk import MOST, overview
from agents_app.selectors.people import may_watch_inbox, pending_approvals, rows_to_judge
from agents_app.services.approvals import Decider

MOST_JUDGED = 50
"""Waiting requests, the oldest first, that are judged by who may decide them."""


def waiting_for_me(user: Any) -> tuple[int, bool]:
    """How many requests this person may decide, among the MOST_JUDGED oldest; and whether there are more."""
    rows, person = list(rows_to_judge(pending_approvals(user))[: MOST_JUDGED + 1]), Decider(user)
    return sum(person.may_decide(row).allowed for row in rows[:MOST_JUDGED]), len(rows) > MOST_JUDGED


def numbers_for(user: Any, links: Links) -> list[dict[str, str]]:
    """Each number with its label and the page behind it; nothing for who has no inbox."""
    if not may_watch_inbox(user):
        return []
    now = database_now()
    local = timezone.localtime(now) if timezone.is_aware(now) else now
    seen = overview(user, since=local.replace(hour=0, minute=0, second=0, microsecond=0))
    mine, more = waiting_for_me(user)
    inbox, runs = links.to("approvalrequest_changelist"), links.to("agentcontext_changelist")
    numbers = [
        (_("Waiting for me"), f"{mine}+" if more and mine else str(mine), f"{inbox}?status=pending"),
        (_("Waiting in all"), _counted(seen.waiting), f"{inbox}?status=pending"),
        (_("Running"), _counted(seen.running), runs),
        (_("Failed today"), _counted(seen.failed), f"{runs}?status=failed"),
        (_("Median time to decide"), duration(seen.median_seconds) if seen.median_seconds is not None else "–", ""),
    ]
    return [{"label": label, "number": number, "url": url} for label, number, url in numbers if number]


def _counted(number: int | None) -> str:
    if number is None:
        return ""
    return f"{MOST}+" if number >= MOST else str(number)
