"""Keeping the summaries of long talks up to date: beside the runs, and never in their way.

Looked after when a run of a session has ended, in the process that ended it, after its commit. What is missed because
that process died is made up for when the session's next run ends; until then a run is told of the newest part alone.
"""

import logging
from typing import Any
from uuid import UUID

from django.db import transaction

from agents_app.conf import conf
from agents_app.core.canonical import sha256_of
from agents_app.core.events import EventType, RecordedEvent
from agents_app.core.internal import SUMMARISER
from agents_app.core.status import RunStatus
from agents_app.definitions.agent_definition import AgentDefinition
from agents_app.definitions.functions import functions_of
from agents_app.definitions.registry import registry
from agents_app.exceptions import UnknownAgent
from agents_app.memory.summaries import digest_of, fitting, wanted_summary
from agents_app.models import AgentContext, AgentSession, SessionSummary, database_now
from agents_app.selectors.people import user_with
from agents_app.services.internal_runs import has_room
from agents_app.services.start import start_run
from agents_app.services.values import Run
from agents_app.signals import event_recorded

logger = logging.getLogger("agents_app.memory")

ENDS = (EventType.RUN_COMPLETED, EventType.RUN_FAILED, EventType.RUN_CANCELLED)


def listen() -> None:
    """Look after summaries from now on."""
    event_recorded.connect(_heard, dispatch_uid="agents_app.summaries")


def _heard(event: RecordedEvent, **kwargs: Any) -> None:
    if event.type not in ENDS:
        return
    try:
        if event.agent == SUMMARISER:
            _take_in(event.run_id)
        elif _talks(event.agent):
            look_after(event.run_id)
    except Exception:
        # The run has ended well: what could not be summed up now is when the next one ends.
        logger.exception("The summary of a talk could not be looked after.", extra={"run_id": event.run_id})


def _talks(agent: str) -> AgentDefinition | None:
    try:
        definition = registry.get(agent)
    except UnknownAgent:
        return None
    return definition if definition.memory is not None and definition.memory.conversation else None


def look_after(run_id: UUID) -> UUID | None:
    """Begin the next summary of this run's session, if one is needed; the run that makes it."""
    run = AgentContext.objects.select_related("session", "details").filter(pk=run_id).first()
    definition = None if run is None else _talks(run.agent)
    if run is None or run.session is None or definition is None or run.details.without_memory:
        return None
    return _begin(run.session, user_with(run.user_id), definition)


def _begin(session: AgentSession, user: Any, definition: AgentDefinition) -> UUID | None:
    row = SessionSummary.objects.filter(pk=session.pk).first()
    if row is not None and row.asked is not None and AgentContext.objects.live().filter(pk=row.asked).exists():
        return None  # it is being made; whoever takes it in looks whether more is needed
    memory = definition.memory
    assert memory is not None
    functions = frozenset(each.name for each in functions_of(definition))
    wanted = wanted_summary(session, memory.tokens, functions)
    if wanted is None or not has_room(None if user is None else user.pk):
        return None
    row, _ = SessionSummary.objects.get_or_create(pk=session.pk)
    with transaction.atomic(using=conf.DATABASE):
        run: Run[Any] = start_run(
            SUMMARISER,
            wanted.text,
            user=user,
            metadata={"session": str(session.pk), "agent": definition.name},
            idempotency_key=f"{session.pk}:{wanted.upto}:{sha256_of(wanted.text)[:16]}:{row.attempts}",
            memory=False,
            knowledge=False,
        )
        SessionSummary.objects.filter(pk=session.pk).update(
            asked=run.id, asked_upto=wanted.upto, asked_digest=wanted.digest
        )
    return run.id


def _take_in(run_id: UUID) -> None:
    """Keep what came of a summary, if it still tells of what is there; then see whether more is needed."""
    run = AgentContext.objects.select_related("details").get(pk=run_id)
    row = SessionSummary.objects.select_related("session").filter(asked=run_id).first()
    definition = _talks(str(run.details.metadata.get("agent", "")))
    if row is None or definition is None or definition.memory is None:
        return
    mine = SessionSummary.objects.filter(pk=row.pk, asked=run_id)
    text = fitting(run.details.output, definition.memory.tokens)
    upto, digest = row.asked_upto, row.asked_digest
    if run.status != RunStatus.COMPLETED or not text or upto is None or digest != digest_of(row.session, upto):
        mine.update(asked=None, attempts=row.attempts + 1)
        return
    steps = run.steps.exclude(llm="").order_by("-number")
    llm = steps.values_list("llm", flat=True).first() or ""
    mine.update(asked=None, attempts=0, text=text, upto=upto, digest=digest, llm=llm, made_at=database_now())
    _begin(row.session, user_with(run.user_id), definition)


def forget_summary(run: AgentContext) -> None:
    """Drop the summary of this run's session if it tells of this run: somebody wants it told of no more."""
    SessionSummary.objects.filter(pk=run.session_id, upto__gte=run.pk).delete()
    SessionSummary.objects.filter(pk=run.session_id, asked_upto__gte=run.pk).update(asked=None)
