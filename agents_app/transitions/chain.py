"""Lengthening a run's hash chain, with what a change writes anyway: links on its events, the head on its context.

The head is not on a row of its own: the context is written by every change, so that the chain costs no statement.
"""

from collections.abc import Sequence
from typing import Any

from django.db import models

from agents_app.core.chain import START, new_salt
from agents_app.models import AgentContext, AgentEvent
from agents_app.models.audited import AUDITED, bound, event_digest, event_link


def lengthen(
    context: AgentContext, events: Sequence[AgentEvent], rows: Sequence[models.Model], more: list[list[Any]]
) -> None:
    """Give each event its link; the last one binds these rows, as they are now. more: what it binds besides.

    Without an event nothing is bound: what changes silently is what the chain leaves out.
    """
    if not events:
        return
    if not context.chain_salt:
        context.chain_salt = new_salt()  # also of a run that an older release began: its chain starts here
    salt = context.chain_salt
    entries = [bound(salt, row) for row in rows if type(row) in AUDITED] + more
    events[-1].bound = entries or None
    for event in events:
        event.link = event_link(context.chain_head or START, event, event_digest(salt, event))
        context.chain_head = event.link
