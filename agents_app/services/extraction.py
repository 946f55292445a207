"""Having facts and entities proposed when a run has ended: by a run of its own, once per run.

Looked after in the process that ended the run, after its commit. What is missed because that process died is made up
for when the next run of that user ends.
"""

import logging
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q

from agents_app.core.events import EventType, RecordedEvent
from agents_app.core.internal import EXTRACTOR
from agents_app.core.status import RunStatus
from agents_app.definitions.registry import registry
from agents_app.exceptions import AgentsError, UnknownAgent
from agents_app.memory.extraction import text_of
from agents_app.models import AgentContext, ArchivedRun, RunDetails, database_now
from agents_app.selectors.people import user_with
from agents_app.services.internal_runs import has_room
from agents_app.services.start import start_run
from agents_app.signals import event_recorded

logger = logging.getLogger("agents_app.memory")

MADE_UP_FOR = timedelta(days=2)
MOST_MADE_UP_FOR = 10


def listen() -> None:
    """Look after extractions from now on."""
    event_recorded.connect(_heard, dispatch_uid="agents_app.extraction")


def _heard(event: RecordedEvent, **kwargs: Any) -> None:
    if event.type != EventType.RUN_COMPLETED or not _extracts(event.agent):
        return
    try:
        extract(event.run_id)
        _make_up(event.run_id)
    except Exception:
        # The run has ended well: what could not be begun now is when the next one ends.
        logger.exception("An extraction could not be begun.", extra={"run_id": event.run_id})


def _extracts(agent: str) -> bool:
    try:
        memory = registry.get(agent).memory
    except UnknownAgent:
        return False
    return memory is not None and memory.extract and (memory.facts or memory.entities)


def extract(run_id: UUID) -> UUID | None:
    """Begin the extraction of a run that has completed, if its agent wants one; the run that does it, None without.

    Never twice: its idempotency key is the id of the run that it reads.
    """
    run = AgentContext.objects.select_related("details", "session").filter(pk=run_id).first()
    if run is None or run.status != RunStatus.COMPLETED or not _extracts(run.agent) or not _wanted(run):
        return None
    key = f"{EXTRACTOR}:{run.user_id or '-'}:{run.pk}"
    if RunDetails.objects.filter(idempotency_key=key).exists() or _was_archived(key):
        return None
    if not has_room(run.user_id):
        return None
    try:
        begun: Any = start_run(
            EXTRACTOR,
            text_of(run),
            user=user_with(run.user_id),
            metadata={"run": str(run.pk), "agent": run.agent},
            idempotency_key=str(run.pk),
            memory=False,
            knowledge=False,
        )
    except AgentsError:
        logger.exception("An extraction could not be begun.", extra={"run_id": run_id})
        return None
    return begun.id  # type: ignore[no-any-return]  # of a run


def _wanted(run: AgentContext) -> bool:
    details = run.details
    somebody = run.user_id is not None or run.session_id is not None
    return somebody and not details.without_memory and details.erased_at is None and details.restored_at is None


def _was_archived(key: str) -> bool:
    return ArchivedRun.objects.filter(idempotency_key=key).exists()


def _make_up(run_id: UUID) -> None:
    """Runs of the same user (or session) that ended while nobody listened."""
    run = AgentContext.objects.filter(pk=run_id).first()
    if run is None or (run.user_id is None and run.session_id is None):
        return
    theirs = Q(user_id=run.user_id) if run.user_id is not None else Q(session_id=run.session_id, user_id=None)
    since = database_now() - MADE_UP_FOR
    agents = [definition.name for definition in registry.all() if _extracts(definition.name)]
    rows = AgentContext.objects.filter(theirs, agent__in=agents, status=RunStatus.COMPLETED, status_at__gte=since)
    for missed in rows.exclude(pk=run_id).order_by("-pk").values_list("pk", flat=True)[:MOST_MADE_UP_FOR]:
        extract(missed)
