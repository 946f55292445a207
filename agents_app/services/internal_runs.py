"""How many runs this app begins of its own accord: what memory costs a day."""

import logging
from datetime import timedelta
from typing import Any

from agents_app.conf import conf
from agents_app.core.internal import INTERNAL_AGENTS
from agents_app.models import AgentContext, database_now

logger = logging.getLogger("agents_app.memory")

DAY = timedelta(hours=24)


def has_room(user_id: Any) -> bool:
    """Whether one more run may be begun for this user (None: for nobody) by MEMORY_RUNS_PER_DAY. Two that ask at the
    same moment may both be told so."""
    most = conf.MEMORY_RUNS_PER_DAY
    if most is None:
        return True
    theirs = AgentContext.objects.filter(user_id=user_id, agent__in=INTERNAL_AGENTS).order_by("-pk")
    begun = list(theirs.values_list("details__created_at", flat=True)[most - 1 : most])
    if not begun or begun[0] <= database_now() - DAY:
        return True
    logger.info("Nothing more is summed up or extracted today: MEMORY_RUNS_PER_DAY.", extra={"user": user_id})
    return False
