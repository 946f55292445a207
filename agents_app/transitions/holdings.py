"""Runs that are held back at a limit: each says so once, in the transaction of the claim that found no slot."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from agents_app.conf import conf
from agents_app.core.events import EVENTS, EventType, RecordedEvent
from agents_app.models import AgentContext, AgentEvent
from agents_app.transitions.chain import lengthen
from agents_app.transitions.change import tell
from agents_app.transitions.cursors import note
from agents_app.transitions.hints import wake_handlers


def tell_held_back(limits: Mapping[AgentContext, tuple[str, int]], now: datetime) -> None:
    """Add the event to each of these runs, whose rows are locked; whoever locked them writes their `version`
    and their chain.

    limits: the kind of the limit that was reached, and how many it lets be driven.
    """
    events = [_event(context, kind, most, now) for context, (kind, most) in limits.items()]
    AgentEvent.objects.bulk_create(events)
    for event in events:
        _announce(event, noted=note(event.context_id, event.context.agent, [event], now))


def _event(context: AgentContext, kind: str, most: int, now: datetime) -> AgentEvent:
    context.version += 1
    payload = EVENTS[EventType.RUN_HELD_BACK].payload.model_validate({"limit": kind, "most": most})
    data = payload.model_dump(mode="json")
    event = AgentEvent(context=context, sequence=context.version, type=EventType.RUN_HELD_BACK, at=now, data=data)
    lengthen(context, [event], (), [])
    return event


def _announce(event: AgentEvent, *, noted: bool) -> None:
    told = RecordedEvent(
        run_id=event.context_id,
        agent=event.context.agent,
        sequence=event.sequence,
        type=event.type,
        at=event.at,
        data=event.data,
    )
    transaction.on_commit(lambda: tell(told.run_id, told.sequence, [told]), using=conf.DATABASE, robust=True)
    if noted:
        transaction.on_commit(lambda: wake_handlers(told.run_id, False), using=conf.DATABASE, robust=True)
