"""What memory and knowledge told a run."""

from agents_app.core.briefing import Briefing
from agents_app.models import RunBriefing
from agents_app.transitions.change import Change


def keep(edit: Change, briefing: Briefing) -> None:
    """Store what the run's LLM is told from now on, and record what its sources have to tell."""
    edit.add(RunBriefing(context=edit.context, content=briefing.as_json(), created_at=edit.now))
    for told in briefing.told:
        edit.record(told.type, **told.payload)
