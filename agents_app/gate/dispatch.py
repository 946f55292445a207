"""May this call start now: asked right before it starts, whatever was decided before.

Author's code (policy, precondition) and questions of permission run outside of any transaction; what was found counts
only for the version it was found at. `row_checks` alone are repeated under the lock.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel

from agents_app.core.approver_rules import Asked
from agents_app.core.canonical import clean_text, digest
from agents_app.core.status import ApprovalStatus
from agents_app.definitions.tool_context import ToolContext
from agents_app.definitions.tool_spec import ToolSpec
from agents_app.gate.asking import whom_to_ask
from agents_app.gate.grants import Granted, granted
from agents_app.gate.policy import ALLOWED, Answer, Ruling, rulings, strongest, summarise, switched_off
from agents_app.gate.standing import stands
from agents_app.models import ApprovalRequest, ToolCall
from agents_app.models.sealing import unseal
from agents_app.selectors.rules import Rules, known_rules

logger = logging.getLogger("agents_app.gate")


NOBODY_ASKED = Asked()


class Go(StrEnum):
    START = "start"
    ASK = "ask"
    REFUSE = "refuse"


@dataclass(frozen=True, kw_only=True, slots=True)
class Dispatch:
    """START; ASK people (again); or REFUSE: nobody's yes would help. With the rule and a sentence.

    `told`: why, as everybody may read it who knows of the run. `asked`: who is to decide. `grant`: what allows it,
    where a person would be asked.
    """

    go: Go
    rule: str = ""
    reason: str = ""
    code: str = ""
    summary: str = ""
    told: str = ""
    asked: Asked = NOBODY_ASKED
    grant: Granted | None = None


SWITCHED_OFF = "switched_off"
"""The code of a call that a kill switch holds back, and the name of that rule."""


STANDING_GRANT = "standing grant"
"""The name of the rule by which a grant lets a call start."""


def full_text(call: ToolCall) -> str:
    """The canonical text of the arguments that the call is made with."""
    return unseal(call.sealed) if call.sealed else call.arguments


def check(
    call: ToolCall,
    request: ApprovalRequest | None,
    tool: ToolSpec,
    context: ToolContext,
    now: datetime,
    rules: Rules | None = None,
) -> Dispatch:
    """The whole judgement, outside of a transaction. rules: None for those that this process knows."""
    known = known_rules() if rules is None else rules
    if (refusal := _switched_off(known, tool, context)) is not None:
        return refusal
    arguments = tool.parse(full_text(call))
    found = rulings(tool, context, arguments, rules=known, now=now)
    ruling = strongest(found)
    if ruling.answer is Answer.DENY:
        return Dispatch(go=Go.REFUSE, rule=ruling.rule, reason=ruling.reason, code="denied", told=ruling.told)
    doubt = row_checks(call, request, now)
    if doubt is None and request is not None:
        doubt = stands(request, tool, context, arguments, ruling)
    if doubt is None and request is None and ruling.answer is Answer.ASK:
        if (grant := granted(call, tool, context, arguments, found, known)) is not None:
            return precondition(tool, context, arguments) or Dispatch(go=Go.START, rule=STANDING_GRANT, grant=grant)
        doubt = ruling.reason
    if doubt is not None:
        # Somebody may still say yes, but only if there is something left to say yes to.
        refusal = precondition(tool, context, arguments)
        return refusal or _ask(tool, context, arguments, ruling, doubt)
    # Where no rule speaks of a call there is nothing to tell, and its events stay short.
    rule = "" if ruling is ALLOWED else ruling.rule
    return precondition(tool, context, arguments) or Dispatch(go=Go.START, rule=rule, told=ruling.told)


def _switched_off(rules: Rules, tool: ToolSpec, context: ToolContext) -> Dispatch | None:
    off = switched_off(rules, context.agent, tool.name)
    if off is None:
        return None
    reason = f"Staff have switched this off: {off.reason}"
    return Dispatch(go=Go.REFUSE, rule=SWITCHED_OFF, reason=reason, code=SWITCHED_OFF, told=reason)


def _ask(tool: ToolSpec, context: ToolContext, arguments: BaseModel, ruling: Ruling, doubt: str) -> Dispatch:
    approvers = ruling.approvers if ruling.answer is Answer.ASK else None
    return Dispatch(
        go=Go.ASK,
        rule=ruling.rule,
        reason=doubt,
        summary=summarise(tool, context, arguments),
        told=ruling.told,
        asked=whom_to_ask(tool, context, arguments, approvers),
    )


def row_checks(call: ToolCall, request: ApprovalRequest | None, now: datetime) -> str | None:
    """What the rows alone say against starting; None if nothing. Repeated under the lock."""
    expected = digest(call.context_id, call.pk, call.tool, call.schema_hash, full_text(call))
    if call.digest != expected:
        return "The arguments are not those that were recorded."
    if request is None:
        return None
    if request.status != ApprovalStatus.APPROVED:
        return "It is not approved."
    if request.digest != call.digest:
        return "The arguments are not those that were approved."
    if request.valid_until is None or request.valid_until <= now:
        return "The approval is no longer valid."
    return None


def precondition(tool: ToolSpec, context: ToolContext, arguments: BaseModel) -> Dispatch | None:
    """Ask the tool's precondition; None if it holds. Anything but True refuses, an exception too."""
    if not tool.has_precondition:
        return None
    try:
        said = tool.precondition(context, arguments)
    except Exception:
        logger.exception("precondition of %s raised", tool.name, extra={"run_id": context.run_id})
        said = "The precondition could not be evaluated."
    if said is True:
        return None
    reason = clean_text(said)[0] if isinstance(said, str) and said else "The precondition does not hold."
    return Dispatch(go=Go.REFUSE, rule="precondition", reason=reason, code="precondition")
