"""The ledger of side effects, over all runs; and settling what nobody knows the outcome of."""

from typing import Any

from rest_framework.response import Response

from agents_app.api.bodies import Settle
from agents_app.api.filters import ToolCallFilter
from agents_app.api.idempotency import once
from agents_app.api.openapi import PAGING, operation, page_of
from agents_app.api.parsing import body_of
from agents_app.api.view import ApiList, ApiView
from agents_app.models import ToolCall
from agents_app.selectors.people import visible_calls
from agents_app.selectors.presentation import call_as_dict, without_sensitive
from agents_app.selectors.runs import one_of
from agents_app.selectors.shapes import ToolCallShape
from agents_app.services import settle_outcome


class ToolCalls(ApiList):
    """The tool calls that one may know of."""

    filterset_class = ToolCallFilter

    @operation(
        "tool_calls_list",
        "List tool calls",
        answer=page_of(ToolCallShape),
        errors=[400],
        parameters=PAGING,
        filters=True,
    )
    def get(self, request: Any) -> Response:
        """Of all runs that you may see, the newest first; `status=unknown` are those to settle."""
        return self.page(visible_calls(request.user), lambda call: call_as_dict(call, request.user))


class Call(ApiView):
    """One tool call."""

    @operation("tool_calls_read", "Read a tool call", answer=ToolCallShape, path=["call_id"], errors=[404])
    def get(self, request: Any, call_id: str) -> Response:
        """One call; its arguments and its result for those who may read them."""
        return Response(call_as_dict(one_of(visible_calls(request.user), call_id), request.user))


class SettleCall(ApiView):
    """Settle a call of unknown outcome."""

    @operation(
        "tool_calls_settle",
        "Settle an unknown outcome",
        body=Settle,
        answer=ToolCallShape,
        path=["call_id"],
        errors=[404, 409],
        example={"verdict": "happened", "result": {"number": "R-17"}, "reason": "Found it at the bank."},
    )
    def post(self, request: Any, call_id: str) -> Response:
        """Say that it happened (with its result), let it be tried again, or give it up.

        Needs the permission agents_app.settle_toolcall.
        """
        body = body_of(request.data, Settle)

        def act() -> dict[str, Any]:
            settle_outcome(
                call_id, body.verdict.value, by=request.user, result=body.result, reason=body.reason, origin=self.origin
            )
            return call_as_dict(one_of(visible_calls(request.user), call_id), request.user)

        return once(request, 200, act, keep=_kept)


def _kept(answer: dict[str, Any]) -> dict[str, Any]:
    return without_sensitive(answer, ToolCall.objects.get(pk=answer["id"]))
