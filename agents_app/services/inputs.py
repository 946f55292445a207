"""Answering an agent's question."""

import json
from typing import Any

from django.utils.translation import gettext

from agents_app.core.status import InputStatus
from agents_app.definitions.questions import faults_of
from agents_app.exceptions import AlreadyDecided, Expired, InvalidInput, NotPermitted, WrongState
from agents_app.models import InputRequest
from agents_app.selectors.people import ANSWER, may_answer, name_of, visible_inputs
from agents_app.selectors.runs import one_of
from agents_app.services.json_values import as_json
from agents_app.services.principals import System
from agents_app.transitions import change, inputs

ANSWER_LIMIT = 100_000


def answer_input(request_id: Any, answer: Any, *, by: Any) -> InputRequest:
    """Answer a question; the run goes on. The answer is a text, or what the question's schema asks for.

    Raises NotFound, NotPermitted, InvalidInput, AlreadyDecided, Expired, WrongState.
    """
    request: InputRequest = one_of(visible_inputs(by), request_id)
    if not may_answer(by, request.context):
        raise NotPermitted(gettext("You may not answer this question."), rule=ANSWER)
    value = _checked(request, as_json(answer, "An answer"))
    with change(request.context_id) as edit:
        held = next((row for row in edit.rows.inputs if row.pk == request.pk), None)
        if held is None or held.status != InputStatus.PENDING:
            request.refresh_from_db()
            answered = request.status == InputStatus.ANSWERED
            if answered and request.answer == value and request.answered_by_id == by.pk:
                return request
            raise _why_closed(request)
        if edit.context.ended or edit.context.cancel_requested_at is not None:
            raise WrongState(gettext("The run has ended or is being cancelled."), code="ended")
        if held.expires_at is not None and held.expires_at <= edit.now:
            raise Expired(gettext("The time to answer is over."))
        person = None if isinstance(by, System) else by
        inputs.answer(edit, held, value, by=person, name=name_of(by))
    request.refresh_from_db()
    return request


def _checked(request: InputRequest, answer: Any) -> Any:
    if request.schema is None:
        if not isinstance(answer, str) or not answer.strip():
            raise InvalidInput(gettext("The answer is a text and must not be empty."), code="invalid_answer")
        if len(answer) > ANSWER_LIMIT:
            raise InvalidInput(
                gettext("An answer has at most %(most)s characters.") % {"most": ANSWER_LIMIT},
                code="invalid_answer",
            )
        return answer
    if len(json.dumps(answer)) > ANSWER_LIMIT:
        raise InvalidInput(
            gettext("An answer has at most %(most)s characters.") % {"most": ANSWER_LIMIT},
            code="invalid_answer",
        )
    faults = faults_of(request.schema, answer)
    if faults:
        raise InvalidInput(
            gettext("The answer does not fit the question's schema."), code="invalid_answer", errors=faults
        )
    return answer


def _why_closed(request: InputRequest) -> WrongState:
    if request.status == InputStatus.ANSWERED:
        said = {"who": request.answered_by_name, "at": f"{request.status_at:%Y-%m-%d %H:%M:%S}"}
        text = gettext("%(who)s has answered this at %(at)s.") % said
        return AlreadyDecided(text, by=request.answered_by_name, verdict="answered", at=request.status_at)
    if request.status == InputStatus.EXPIRED:
        return Expired(gettext("The time to answer is over."))
    return WrongState(gettext("This question is %(status)s.") % {"status": gettext(request.status)}, code="not_pending")
