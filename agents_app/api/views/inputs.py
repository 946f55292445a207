"""Questions of agents, and answers to them."""

from typing import Any

from rest_framework.response import Response

from agents_app.api.bodies import Answer
from agents_app.api.filters import InputFilter
from agents_app.api.idempotency import once
from agents_app.api.openapi import PAGING, operation, page_of
from agents_app.api.parsing import body_of
from agents_app.api.view import ApiList, ApiView
from agents_app.selectors.people import visible_inputs
from agents_app.selectors.presentation import input_as_dict
from agents_app.selectors.runs import one_of
from agents_app.selectors.shapes import InputRequestShape
from agents_app.services import answer_input


class Inputs(ApiList):
    """The questions that one may know of."""

    filterset_class = InputFilter

    @operation(
        "input_requests_list",
        "List questions",
        answer=page_of(InputRequestShape),
        errors=[400],
        parameters=PAGING,
        filters=True,
    )
    def get(self, request: Any) -> Response:
        """Those of your runs; all of them for who may answer others'. `status=pending` are those to answer."""
        return self.page(visible_inputs(request.user), lambda row: input_as_dict(row, request.user))


class Input(ApiView):
    """One question."""

    @operation("input_requests_read", "Read a question", answer=InputRequestShape, path=["request_id"], errors=[404])
    def get(self, request: Any, request_id: str) -> Response:
        """With the JSON schema that an answer must satisfy."""
        return Response(input_as_dict(one_of(visible_inputs(request.user), request_id), request.user))


class AnswerInput(ApiView):
    """Answer a question."""

    @operation(
        "input_requests_answer",
        "Answer a question",
        body=Answer,
        answer=InputRequestShape,
        path=["request_id"],
        errors=[404, 409, 410],
        example={"answer": "The blue one."},
    )
    def post(self, request: Any, request_id: str) -> Response:
        """Answer it; the run goes on. Its user may, and others with agents_app.answer_inputrequest."""
        body = body_of(request.data, Answer)

        def act() -> dict[str, Any]:
            answer_input(request_id, body.answer, by=request.user)
            return input_as_dict(one_of(visible_inputs(request.user), request_id), request.user)

        return once(request, 200, act)
