"""One answer to many requests: each has its own check of permission and its own atomic outcome."""

import logging
from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext

from agents_app.core.bulk import MOST_AT_ONCE, BulkVerdict, Choice, Outcome, Report
from agents_app.core.status import ApprovalStatus
from agents_app.exceptions import AgentsError, AlreadyDecided, InvalidInput, NotPermitted, StaleDigest
from agents_app.models import ApprovalRequest
from agents_app.services.approvals import approve, reject, send_back
from agents_app.services.principals import CODE, Origin
from agents_app.services.runs import checked_reason

logger = logging.getLogger("agents_app.services")


def decide_many(
    choices: Iterable[Choice], verdict: BulkVerdict | str, *, by: Any, reason: str = "", origin: Origin = CODE
) -> list[Report]:
    """Say the same to each of these requests, in this order; what cannot be done to one does not hinder the others.

    The same person saying the same again gets the same reports: a second click does no harm. Raises InvalidInput
    for none or more than MOST_AT_ONCE of them, an unknown verdict, or a missing reason.
    """
    chosen = list({choice.request_id: choice for choice in choices}.values())
    if not 1 <= len(chosen) <= MOST_AT_ONCE:
        text = gettext("Choose 1 to %(most)s requests.") % {"most": MOST_AT_ONCE}
        raise InvalidInput(text, code="too_many" if chosen else "none_chosen")
    if verdict not in list(BulkVerdict):
        text = gettext("Requests are decided by one of %(names)s.") % {"names": ", ".join(BulkVerdict)}
        raise InvalidInput(text, code="unknown_verdict")
    text = checked_reason(reason)
    if verdict != BulkVerdict.APPROVE and not text.strip():
        raise InvalidInput(gettext("Say why: the agents read the reason and take it up."), code="reason_required")
    return [_decide(choice, BulkVerdict(verdict), by, text, origin) for choice in chosen]


def _decide(choice: Choice, verdict: BulkVerdict, by: Any, reason: str, origin: Origin) -> Report:
    try:
        made = _act(choice, verdict, by, reason, origin)
    except AgentsError as error:
        outcome = _outcome_of(error)
        return Report(
            request_id=choice.request_id, outcome=outcome, code=error.code, message=error.message, details=error.details
        )
    except Exception:
        # Whatever is wrong with this one: the others are decided, and people read what became of each.
        logger.exception("A request could not be decided.", extra={"request_id": choice.request_id})
        text = gettext("Something went wrong on our side; nothing was decided about this one.")
        return Report(request_id=choice.request_id, outcome=Outcome.FAILED, code="internal_error", message=text)
    waits = made.status == ApprovalStatus.PENDING
    return Report(
        request_id=choice.request_id, outcome=Outcome.ENDORSED if waits else Outcome.DECIDED, status=made.status
    )


def _act(choice: Choice, verdict: BulkVerdict, by: Any, reason: str, origin: Origin) -> ApprovalRequest:
    options: dict[str, Any] = {"by": by, "digest": choice.digest, "origin": origin}
    match verdict:
        case BulkVerdict.APPROVE:
            return approve(choice.request_id, reason=reason, **options)
        case BulkVerdict.REJECT:
            return reject(choice.request_id, reason=reason, **options)
        case BulkVerdict.SEND_BACK:
            return send_back(choice.request_id, instructions=reason, **options)


def _outcome_of(error: AgentsError) -> Outcome:
    if isinstance(error, AlreadyDecided):
        return Outcome.LOST
    if isinstance(error, StaleDigest):
        return Outcome.CHANGED
    return Outcome.REFUSED if isinstance(error, NotPermitted) else Outcome.FAILED
