"""Taking runs into this process: claimed, and known to its code."""

import logging
import time
from collections.abc import Callable, Sequence

from agents_app.core.internal import is_internal
from agents_app.definitions.agent_definition import AgentDefinition
from agents_app.definitions.registry import registry
from agents_app.exceptions import StaleContext, UnknownAgent
from agents_app.models import RunDetails
from agents_app.runtime.code_change import definition_for
from agents_app.runtime.held import Held
from agents_app.transitions import claims

logger = logging.getLogger("agents_app.runtime")


def take(claim: Callable[[], Sequence[claims.Claim | None]], inline: bool) -> list[Held]:
    """Claim, and look whether this worker knows what it got."""
    asked = time.monotonic()
    taken = [claimed for claimed in claim() if claimed is not None]
    found = []
    for claimed in taken:
        try:
            held = _hold(claimed, inline)
        except StaleContext as lost:
            logger.info("Gave up a run: %s", lost, extra={"run_id": claimed.run_id})
        except Exception:
            logger.exception("A run could not be taken; its lease runs out.", extra={"run_id": claimed.run_id})
        else:
            if held is not None:
                held.renewed = asked
                found.append(held)
    return found


def _hold(claim: claims.Claim, inline: bool) -> Held | None:
    """The claimed run with the code that it goes on with; None if it does not go on here and now."""
    definition = definition_for(claim)
    if definition is None:
        return None
    serves = _served_by(claim) if is_internal(definition.name) else None
    return Held(claim=claim, definition=definition, inline=inline, rows=claim.rows, serves=serves)


def _served_by(claim: claims.Claim) -> AgentDefinition | None:
    """The agent whose memory this run of ours sees to; None if it is not known here."""
    metadata = RunDetails.objects.filter(pk=claim.run_id).values_list("metadata", flat=True).first() or {}
    try:
        return registry.get(str(metadata.get("agent", "")))
    except UnknownAgent:
        return None
