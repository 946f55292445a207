"""Taking runs into this process: claimed, and known to its code."""

import logging
import time
from collections.abc import Callable, Sequence

from agents_app.exceptions import StaleContext
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
    return None if definition is None else Held(claim=claim, definition=definition, inline=inline, rows=claim.rows)
