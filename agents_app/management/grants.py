"""Standing grants on the command line."""

from typing import Any

from agents_app.management.console import Console
from agents_app.models import StandingGrant
from agents_app.selectors.grants import described_conditions, grant_as_dict
from agents_app.selectors.people import may_view_sensitive
from agents_app.services.grants import sensitive_of


def show_grant(console: Console | None, row: StandingGrant, viewer: Any) -> dict[str, Any]:
    """Print it for people; without a console give it as JSON values."""
    hidden = sensitive_of(row)
    if console is None:
        return grant_as_dict(row, viewer, hidden)
    of = {"session": f"in session {row.session_id}", "user": f"in runs of {row.user_name}"}.get(
        row.scope, "in all runs"
    )
    left = "as often as wanted" if row.uses_left is None else f"{row.uses_left} more times"
    ends = "without end" if row.expires_at is None else f"until {row.expires_at:%Y-%m-%d %H:%M}"
    console.line(f"{row.pk}  {row}: {of}, {left}, {ends}; used {row.uses} times")
    for text in described_conditions(row, () if may_view_sensitive(viewer) else hidden):
        console.text(text)
    return {}
