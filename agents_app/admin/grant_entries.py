"""The timeline's words for standing grants. Importing it registers them."""

from django.utils.translation import gettext as _

from agents_app.admin.entries import Entry, Told, tells
from agents_app.core.events import EventType


@tells(EventType.GRANT_MADE)
def grant_made(told: Told) -> Entry:
    title = _("allowed the like of %(tool)s from now on") % {"tool": told.data["tool"]}
    return Entry(title=title, who=str(told.data.get("by") or _("Somebody")), icon="person", tone="good")


@tells(EventType.GRANT_REVOKED)
def grant_revoked(told: Told) -> Entry:
    title = _("revoked the standing grant for %(tool)s") % {"tool": told.data["tool"]}
    return Entry(title=title, who=str(told.data.get("by") or _("Somebody")), icon="person", tone="waiting")


def allowed_by(told: Told) -> tuple[str, ...]:
    """The fact that no person was asked about this start of a call, and in whose name; empty if it was otherwise."""
    key = told.data.get("grant")
    if not key:
        return ()
    row = told.rows.grants.get(key)
    owner = row.owner_name if row else ""
    return (_("allowed by the standing grant of %(owner)s") % {"owner": owner},) if owner else (_("standing grant"),)
