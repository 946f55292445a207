"""Asked before the LLM is: which one, and whether now. Told afterwards what came of it.

An LLM without limits costs nothing here as long as it answers: no statement, no row. A worker learns that one is down
from its own first failure, and from then on looks at the rows until the LLM is well again.
"""

import logging
from datetime import datetime

from agents_app.conf import conf
from agents_app.core.briefing import UNAVAILABLE
from agents_app.core.budgets import EXCEEDED, PRICE_UNKNOWN
from agents_app.core.internal import is_internal
from agents_app.core.llm_limits import LLMLimits
from agents_app.core.outcomes import believed
from agents_app.core.status import StepStatus
from agents_app.core.transcript import LLMReply
from agents_app.definitions.agent_definition import AgentDefinition
from agents_app.definitions.registry import llm_override_for
from agents_app.exceptions import LLMError, UnknownLLM
from agents_app.llm import LLM, candidates, limits_of
from agents_app.models import AgentStep
from agents_app.runtime.held import Held, ThinkAct
from agents_app.transitions import llm_waits, llms
from agents_app.transitions.llms import Asker, Permit
from agents_app.transitions.steps import MARGIN_SECONDS

logger = logging.getLogger("agents_app.runtime")

GRACE_SECONDS = 5.0
"""What an LLM may take beyond its own timeout before it is given up from outside."""

NOT_ASKED = frozenset(
    {
        *("cancelled", "database_away", "misconfigured", "not_installed", "unknown_llm", "llm_raised", "llm_reply"),
        *(PRICE_UNKNOWN, *EXCEEDED.values(), *UNAVAILABLE),
    }
)
"""Codes that say nothing about the LLM's health: it was not asked, or an error of our side came in between."""

STILL_ANSWERS = frozenset({"invalid_reply"})
"""Codes of transient errors of an LLM that is up."""

_troubled: set[str] = set()
"""The names under which this process has met failures that were not made good since."""


def llms_of(definition: AgentDefinition, serves: AgentDefinition | None = None) -> tuple[str, ...]:
    """The LLMs that this agent may be answered by, the preferred one first. serves: the agent whose memory it sees to;
    its LLMs are taken, unless there is one for memory."""
    if is_internal(definition.name) and conf.MEMORY_LLM:
        return candidates(conf.MEMORY_LLM, definition.fallback_llms)
    chosen = definition if serves is None else serves
    return candidates(chosen.llm or conf.DEFAULT_LLM, chosen.fallback_llms)


def permit_without_asking(held: Held, step: AgentStep | None) -> Permit | None:
    """The permit that needs no look at the rows, or that was given already; None: `ask` for one, outside of any
    transaction. step: the run's last turn."""
    permit, held.permit = held.permit, None
    if permit is not None:
        return permit
    name = _next(held, step)[0]
    return None if _guarded(held.definition, name) else Permit(llm=name)


def ask(held: Held) -> Permit:
    """The first LLM that may be asked now. If none may, the one that may soonest, and until when to wait for it."""
    step = held.rows.think if held.rows is not None else None
    names = _next(held, step)
    refused: list[Permit] = []
    for name in names:
        if not _guarded(held.definition, name):
            return Permit(llm=name)
        permit = _admit(held, name, step, conf.LLM_FALLBACK_SECONDS if len(names) > 1 else None)
        if permit.until is None or permit.queued:
            return permit
        refused.append(permit)
    soonest = min(refused, key=_until)
    if not soonest.down:
        return _admit(held, soonest.llm, step, None)
    llm_waits.wait_until_up(_limits(soonest.llm)[0], held.run_id, _until(soonest))
    return soonest


def give_back(held: Held, permit: Permit | None) -> None:
    """No turn was opened under this permit: whoever asks next may have what it holds."""
    held.permit = None
    if permit is None or not (permit.slot or permit.probe or permit.tokens is not None):
        return
    key, limits = _limits(permit.llm)
    try:
        llms.give_back(key, limits, _asker(held), permit, used=None, asked=False)
    except Exception:
        logger.exception("A permit for %s was not given back; it ends by itself.", key, extra={"run_id": held.run_id})


def _until(permit: Permit) -> datetime:
    assert permit.until is not None
    return permit.until


def _next(held: Held, step: AgentStep | None) -> tuple[str, ...]:
    """The LLMs that an open turn may still go to: it goes down the list, and the next turn begins at its top."""
    names = llms_of(held.definition, held.serves)
    if step is None or step.status != StepStatus.STARTED or step.llm not in names:
        return names
    return names[names.index(step.llm) :]


def _guarded(definition: AgentDefinition, name: str) -> bool:
    if _overridden(definition):
        return False
    key, limits = _limits(name)
    return limits.limited or (limits.breaker is not None and key in _troubled)


def _overridden(definition: AgentDefinition) -> bool:
    """Whether a test has put an LLM in place, which has no limits."""
    override = llm_override_for(definition.name)
    return override is not None and isinstance(override, LLM)


def _limits(name: str) -> tuple[str, LLMLimits]:
    try:
        return limits_of(name)
    except UnknownLLM:
        return name, LLMLimits(breaker=None)  # to ask it says what is wrong with the settings


def _admit(held: Held, name: str, step: AgentStep | None, patience: float | None) -> Permit:
    key, limits = _limits(name)
    if not limits.limited and not llms.look(key):
        _troubled.discard(key)
        return Permit(llm=name)
    needed = step.input_tokens + step.output_tokens if step is not None else None
    return llms.admit(key, limits, _asker(held), llm=name, tokens=needed, patience=patience)


def _asker(held: Held) -> Asker:
    return Asker(
        run_id=held.run_id,
        claim=held.claim.number,
        seconds=held.definition.llm_timeout + held.definition.briefing_timeout + GRACE_SECONDS + MARGIN_SECONDS,
    )


# Afterwards.


def concerned(held: Held, act: ThinkAct, outcome: LLMReply | LLMError) -> bool:
    """Whether `report` has anything to write about this call."""
    permit = act.permit
    if permit.slot or permit.probe or permit.tokens is not None:
        return True
    if isinstance(outcome, LLMReply) and not _troubled:
        return False
    if _overridden(held.definition):
        return False
    key, limits = _limits(permit.llm)
    return limits.breaker is not None and (key in _troubled or _is_outage(outcome))


def report(held: Held, act: ThinkAct, outcome: LLMReply | LLMError) -> None:
    """Say what came of a call. Its own failure costs nothing but accuracy: what was taken frees itself in time."""
    try:
        _report(held, act, outcome)
    except Exception:
        logger.exception("What came of asking %s could not be noted.", act.permit.llm, extra={"run_id": held.run_id})


def _report(held: Held, act: ThinkAct, outcome: LLMReply | LLMError) -> None:
    permit = act.permit
    key, limits = _limits(permit.llm)
    asked = isinstance(outcome, LLMReply) or outcome.code not in NOT_ASKED
    if permit.slot or permit.tokens is not None or (permit.probe and not asked):
        used = outcome.usage.input_tokens + outcome.usage.output_tokens if isinstance(outcome, LLMReply) else None
        llms.give_back(key, limits, _asker(held), permit, used=used, asked=asked)
    if limits.breaker is None or not asked:
        return
    if isinstance(outcome, LLMError) and _is_outage(outcome):
        _troubled.add(key)
        if llms.note_failure(key, limits, permit, outcome):
            logger.warning("%s is down (%s): it is left alone for a while.", key, outcome.code)
    elif key in _troubled or permit.probe:
        if llms.note_answer(key, permit):
            woken = llm_waits.wake(key)
            logger.info("%s answers again; %s runs waited for it.", key, woken)
        if not llms.look(key):
            _troubled.discard(key)


def _is_outage(outcome: LLMReply | LLMError) -> bool:
    """Whether this is how an LLM fails that is down, overloaded, or had enough of us."""
    if isinstance(outcome, LLMReply) or not outcome.transient:
        return False
    return outcome.code not in NOT_ASKED and outcome.code not in STILL_ANSWERS


def fallback(held: Held, step: AgentStep, error: LLMError, used_up: bool) -> str | None:
    """The LLM that the open turn goes to after this failure; None: it stays, or there is no other."""
    names = _next(held, step)
    if len(names) < 2 or error.code in NOT_ASKED:
        return None
    if not error.transient:
        return names[1] if error.code in conf.LLM_FALLBACK_CODES else None
    return names[1] if used_up or believed(error.retry_after) > conf.LLM_FALLBACK_SECONDS else None


def forget() -> None:
    """Forget what this process has met (tests)."""
    _troubled.clear()
