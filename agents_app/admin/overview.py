"""The numbers on the admin's first page, in words."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from agents_app.admin.displays import duration
from agents_app.admin.links import Links
from agents_app.models import database_now
from agents_app.selectors.desk import MOST, overview
from agents_app.selectors.inbox import Tab
from agents_app.selectors.people import may_watch_inbox
from agents_app.selectors.runs import at_most
from agents_app.services.inbox import desk_for


def numbers_for(user: Any, links: Links) -> list[dict[str, str]]:
    """Each number with its label and the page behind it; nothing for who has no inbox."""
    if not may_watch_inbox(user):
        return []
    now = database_now()
    local = timezone.localtime(now) if timezone.is_aware(now) else now
    seen = overview(user, since=local.replace(hour=0, minute=0, second=0, microsecond=0))
    mine = at_most(desk_for(user).rows(Tab.MINE).select_related(None), MOST)
    inbox, runs = links.to("approvalrequest_changelist"), links.to("agentcontext_changelist")
    numbers = [
        (_("Waiting for me"), _counted(mine), f"{inbox}?tab=mine"),
        (_("Waiting in all"), _counted(seen.waiting), f"{inbox}?tab=all"),
        (_("Running"), _counted(seen.running), runs),
        (_("Failed today"), _counted(seen.failed), f"{runs}?status=failed"),
        (_("Median time to decide"), duration(seen.median_seconds) if seen.median_seconds is not None else "–", ""),
    ]
    return [{"label": label, "number": number, "url": url} for label, number, url in numbers if number]


def _counted(number: int | None) -> str:
    if number is None:
        return ""
    return f"{MOST}+" if number >= MOST else str(number)
