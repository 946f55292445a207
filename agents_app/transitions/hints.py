"""Wake-ups for the queue. A hint may be lost: the row says that its run is due, and the sweep sends another."""

import logging
from datetime import datetime
from uuid import UUID

from agents_app.executors import get_executor

logger = logging.getLogger("agents_app.transitions")


def send_hint(run_id: UUID, later: datetime | None = None) -> bool:
    """Have the run continued soon, or at `later` where the executor delays. Says whether the queue took it."""
    executor = get_executor()
    if later is not None and not executor.delays:
        return True
    try:
        executor.submit(run_id, later)
    except Exception:
        logger.exception("The queue did not take a wake-up; the sweep will send another.", extra={"run_id": run_id})
        return False
    return True
