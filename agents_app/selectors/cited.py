"""The passages that a run's answer names."""

from typing import Any

from django.db.models import Prefetch

from agents_app.core.status import RunStatus
from agents_app.models import AgentContext, AgentStep

_ANSWERING = AgentStep.objects.filter(answered=True).only("context", "number", "response")
ANSWERS = Prefetch("steps", _ANSWERING, "now_answers")
"""For many runs at once."""


def cited_by(context: AgentContext) -> list[Any]:
    """Those of its answer, which is that of its last such step; none before it has completed."""
    if context.status != RunStatus.COMPLETED:
        return []
    steps = context.now_answers if hasattr(context, "now_answers") else _ANSWERING.filter(context=context)
    last = max(steps, key=lambda step: step.number, default=None)
    found: list[Any] = ((last.response if last is not None else None) or {}).get("citations", [])
    return found
