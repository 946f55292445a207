"""Accepting a run."""

import asyncio
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal, TypeVar
from uuid import UUID

from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, models, transaction
from django.db.models import Value
from django.utils.translation import gettext

from agents_app.conf import conf
from agents_app.core.budgets import Budget, lower
from agents_app.core.canonical import clean_text
from agents_app.core.priority import RANKS
from agents_app.core.status import RunStatus
from agents_app.definitions.agent import Agent
from agents_app.definitions.agent_definition import AgentDefinition
from agents_app.definitions.registry import definition_of, registry
from agents_app.exceptions import CalledFromEventLoop, IdempotencyConflict, InvalidInput
from agents_app.gate.definition_records import is_known, remember
from agents_app.models import AgentContext, AgentSession, ArchivedRun, RunDetails, as_stored, database_now
from agents_app.models.fields import uuid7
from agents_app.selectors.people import name_of
from agents_app.services.budgets import limits_of_run, narrowed_by
from agents_app.services.fingerprints import fingerprint, fingerprint_of
from agents_app.services.json_values import as_json
from agents_app.services.principals import System
from agents_app.services.priorities import checked_priority
from agents_app.services.values import Run, run_of, run_of_entry
from agents_app.transitions import runs

Answer = TypeVar("Answer")
KEY_LIMIT = 200


def start_run(
    agent: type[Agent[Answer]] | str,
    input: str,  # noqa: A002 (the word of the product)
    *,
    user: Any = None,
    session: str | None = None,
    subject: models.Model | None = None,
    metadata: dict[str, Any] | None = None,
    idempotency_key: str | None = None,
    run_at: datetime | None = None,
    budget: Budget | None = None,
    priority: Literal["high", "normal", "low"] | None = None,
    memory: bool | None = None,
    knowledge: bool | None = None,
    by: Any = None,
) -> Run[Answer]:
    """Accept a run of this agent (a class or a name). Once the transaction has committed it is never lost.

    user: whose run it is; by: who started it, if somebody else. session: the key of a conversation that runs share.
    subject: the object of yours that it is about. idempotency_key: a second start with the same key (for this agent
    and user) gives the first one's run, also when that was archived since. run_at: not before. budget: narrows what the
    run may spend.
    priority: which is taken first when more is due than workers can drive; the agent's own if it is left out.
    memory, knowledge: False for a run without; else as the agent says.
    Raises UnknownAgent, InvalidInput, IdempotencyConflict, and CalledFromEventLoop in async code.
    """
    _refuse_event_loop()
    definition = registry.get(definition_of(agent).name)
    text = _checked_input(input)
    given = _checked_metadata(metadata)
    limits = limits_of_run(definition.budget, budget)
    urgency = definition.priority if priority is None else checked_priority(priority)
    key = _scoped_key(definition, user, idempotency_key)
    with transaction.atomic(using=conf.DATABASE):
        known = _started_before(key, text, session, subject)
        if known is not None:
            return known
        context, details = _rows(definition, text, given, user=user, key=key, run_at=run_at, by=by or user)
        context.priority = RANKS[urgency]
        context.session = _session(session, definition.name, user)
        if subject is not None:
            details.subject_type = ContentType.objects.get_for_model(subject, for_concrete_model=False)
            details.subject_id = str(subject.pk)
        if not is_known(definition):
            transaction.on_commit(lambda: remember(definition), using=conf.DATABASE, robust=True)
        details.narrowed = narrowed_by(budget)
        details.without_memory = True if memory is False else None
        details.without_knowledge = True if knowledge is False else None
        context.max_steps = lower(definition.max_steps, limits.steps)
        return _insert(
            context,
            details,
            (lower(definition.timeout, limits.seconds), limits),
            lambda: _started_before(key, text, session, subject),
        )


def _insert(
    context: AgentContext,
    details: RunDetails,
    limits: tuple[float | None, Budget],
    started_before: Callable[[], Run[Any] | None],
) -> Run[Any]:
    if details.idempotency_key is None:
        runs.start(context, details, timeout=limits[0], limits=limits[1])
        return run_of(context)
    try:
        with transaction.atomic(using=conf.DATABASE):
            runs.start(context, details, timeout=limits[0], limits=limits[1])
    except IntegrityError:
        # Somebody started with the same key at the same moment; the unique key let one of us through.
        known = started_before()
        if known is None:
            raise
        return known
    return run_of(context)


def _refuse_event_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise CalledFromEventLoop("start_run is synchronous: from async code write `await sync_to_async(start_run)(…)`.")


def _checked_input(text: str) -> str:
    if not isinstance(text, str) or not text.strip():
        raise InvalidInput(gettext("The input of a run is a text and must not be empty."))
    if len(text) > conf.INPUT_LIMIT:
        raise InvalidInput(
            gettext("The input has %(count)s characters; at most %(most)s are accepted.")
            % {"count": len(text), "most": conf.INPUT_LIMIT}
        )
    return clean_text(text)[0]


def _checked_metadata(metadata: dict[str, Any] | None) -> dict[str, Any]:
    cleaned = as_json(metadata or {}, "The metadata of a run")
    if not isinstance(cleaned, dict):
        raise InvalidInput(gettext("The metadata of a run is an object."))
    size = len(json.dumps(cleaned, ensure_ascii=False))
    if size > conf.METADATA_LIMIT:
        text = gettext(
            "The metadata has %(count)s characters as JSON; at most %(most)s are accepted. "
            "Keep what is large elsewhere, and its key here."
        ) % {"count": size, "most": conf.METADATA_LIMIT}
        raise InvalidInput(text, code="too_long")
    return dict(cleaned)


def _scoped_key(definition: AgentDefinition, user: Any, key: str | None) -> str | None:
    if key is None:
        return None
    if not key or len(key) > KEY_LIMIT:
        raise InvalidInput(gettext("An idempotency key has 1 to %(most)s characters.") % {"most": KEY_LIMIT})
    return f"{definition.name}:{getattr(user, 'pk', None) or '-'}:{clean_text(key)[0]}"


def _started_before(key: str | None, text: str, session: str | None, subject: models.Model | None) -> Run[Any] | None:
    """The run that was started with this key, archived ones too; raises IdempotencyConflict if it was about something
    else."""
    if key is None:
        return None
    # In one statement, so that a run that is archived at this moment is found on one side or the other.
    here = AgentContext.objects.filter(details__idempotency_key=key).order_by().values_list("pk", Value(0))
    away = ArchivedRun.objects.filter(idempotency_key=key).order_by().values_list("pk", Value(1))
    found = min(here.union(away, all=True), key=lambda row: row[1], default=None)
    if found is None:
        return None
    before, run = _as_started(*found)
    if before != fingerprint(text, session, "" if subject is None else str(subject.pk)):
        raise IdempotencyConflict(gettext("A run was started before with this idempotency key and other content."))
    return run


def _as_started(run_id: UUID, away: int) -> tuple[str, Run[Any]]:
    if away:
        entry = ArchivedRun.objects.get(pk=run_id)
        return entry.fingerprint, run_of_entry(entry)
    context = AgentContext.objects.select_related("details", "session").get(pk=run_id)
    return fingerprint_of(context), run_of(context)


def _rows(
    definition: AgentDefinition,
    text: str,
    metadata: dict[str, Any],
    *,
    user: Any,
    key: str | None,
    run_at: datetime | None,
    by: Any,
) -> tuple[AgentContext, RunDetails]:
    now = database_now()
    context = AgentContext(
        id=uuid7(),
        agent=definition.name,
        user=user,
        status=RunStatus.IDLE,
        status_at=now,
        max_steps=definition.max_steps,
        run_at=None if run_at is None else as_stored(run_at),
    )
    details = RunDetails(
        context=context,
        input=text,
        metadata={**definition.metadata, **metadata},
        agent_version=definition.version,
        definition_hash=definition.hash,
        idempotency_key=key,
        user_name=name_of(user),
        started_by=None if isinstance(by, System) else by,
        started_by_name=name_of(by),
        created_at=now,
    )
    return context, details


def _session(key: str | None, agent: str, user: Any) -> AgentSession | None:
    if key is None:
        return None
    key = clean_text(key)[0].strip()
    if not key or len(key) > KEY_LIMIT:
        raise InvalidInput(gettext("The key of a session has 1 to %(most)s characters.") % {"most": KEY_LIMIT})
    owner = {"user": user} if user is not None else {"user": None, "agent": agent}
    session, _ = AgentSession.objects.get_or_create(key=key, **owner, defaults={"agent": agent})
    return session
