"""Commands on LLMs."""

import logging
from typing import Any

from agents_app.selectors.llms import CLOSE_BREAKER, llm_named, may_close_breakers, visible_llms
from agents_app.selectors.people import lacking, name_of
from agents_app.transitions import llm_waits, llms

logger = logging.getLogger("agents_app.services")


def close_breaker(name: str, *, by: Any) -> bool:
    """Let an LLM that is down be asked again at once; says whether its breaker was open.

    Runs that wait for it come now. Raises NotPermitted and NotFound.
    """
    if not may_close_breakers(by):
        raise lacking(CLOSE_BREAKER)
    row = llm_named(visible_llms(by), name)
    closed = llms.close_breaker(row.name)
    if closed:
        llm_waits.wake(row.name)
        logger.info("%s is asked again: %s closed its breaker.", row.name, name_of(by))
    return closed
