"""The run that a command is about, for somebody who may know of it."""

from typing import Any

from django.utils.translation import gettext

from agents_app.exceptions import NotFound
from agents_app.models import AgentContext
from agents_app.selectors.archives import run_seen_by
from agents_app.selectors.people import may_view_run


def found_run(run_id: Any, by: Any) -> AgentContext:
    """Raises NotFound also where this person may not know of the run, and Archived."""
    context = run_seen_by(by, run_id, AgentContext.objects.select_related("details"))
    if not may_view_run(by, context):
        raise NotFound(gettext("There is no run %(run_id)s, or you may not see it.") % {"run_id": run_id})
    return context
