"""Approval requests and decisions on them."""

from collections.abc import Callable
from typing import Any

from rest_framework.response import Response

from agents_app.api.bodies import Approve, Reject, SendBack
from agents_app.api.filters import ApprovalFilter
from agents_app.api.idempotency import once
from agents_app.api.openapi import PAGING, operation, page_of
from agents_app.api.parsing import body_of
from agents_app.api.view import ApiList, ApiView
from agents_app.exceptions import UnknownAgent, WrongState
from agents_app.models import ApprovalRequest, ToolCall
from agents_app.selectors.approval_detail import ApprovalDetailShape, approval_detail_as_dict
from agents_app.selectors.people import visible_approvals
from agents_app.selectors.presentation import approval_as_dict, rows_for_approvals, without_sensitive
from agents_app.selectors.runs import one_of
from agents_app.selectors.shapes import ApprovalShape
from agents_app.services import approve, reject, send_back
from agents_app.services.argument_origins import origins_for
from agents_app.services.edits import tool_of


class Approvals(ApiList):
    """The approval requests that one may know of."""

    filterset_class = ApprovalFilter

    @operation(
        "approvals_list",
        "List approval requests",
        answer=page_of(ApprovalShape),
        errors=[400],
        parameters=PAGING,
        filters=True,
    )
    def get(self, request: Any) -> Response:
        """Deciders see all, others those of their runs; the newest first. `tab=mine` is your inbox."""
        rows = rows_for_approvals(visible_approvals(request.user))
        return self.page(rows, lambda row: approval_as_dict(row, request.user))


class OneApproval(ApiView):
    """Base of what is about one request."""

    def approval_as_json(self, request_id: str, *, origins: bool = False) -> dict[str, Any]:
        """One request as of now. origins: with where its arguments came from. Raises NotFound."""
        user = self.request.user
        row: ApprovalRequest = one_of(rows_for_approvals(visible_approvals(user)), request_id)
        return approval_detail_as_dict(row, user, _schema(row), origins_for(user, row) if origins else None)

    def obey(self, command: Callable[..., Any], request_id: str, **options: Any) -> Response:
        """Perform a command on a request once, and answer with the request."""

        def act() -> dict[str, Any]:
            command(request_id, by=self.request.user, **options)
            return self.approval_as_json(request_id)

        return once(self.request, 200, act, keep=kept)


class Approval(OneApproval):
    """One approval request."""

    @operation(
        "approvals_read", "Read an approval request", answer=ApprovalDetailShape, path=["request_id"], errors=[404]
    )
    def get(self, request: Any, request_id: str) -> Response:
        """With the exact arguments, where each came from (a document, memory, a tool's result, the LLM), their digest,
        and the JSON schema that other arguments must satisfy."""
        return Response(self.approval_as_json(request_id, origins=True))


class ApproveRequest(OneApproval):
    """Say yes."""

    @operation(
        "approvals_approve",
        "Approve a call",
        body=Approve,
        answer=ApprovalDetailShape,
        path=["request_id"],
        errors=[404, 409, 410],
        example={
            "digest": "9f86d081…",
            "arguments": {"number": "A-1001", "amount": "100"},
            "reason": "Not the postage.",
        },
    )
    def post(self, request: Any, request_id: str) -> Response:
        """Allow this exact call, or with `arguments` the same tool with others.

        Needs the permission agents_app.decide_approvalrequest and the tool's own.
        """
        body = body_of(request.data, Approve)
        return self.obey(
            approve, request_id, digest=body.digest, arguments=body.arguments, reason=body.reason, origin=self.origin
        )


class RejectRequest(OneApproval):
    """Say no."""

    @operation(
        "approvals_reject",
        "Reject a call",
        body=Reject,
        answer=ApprovalDetailShape,
        path=["request_id"],
        errors=[404, 409, 410],
        example={"reason": "It is out of warranty; offer a repair."},
    )
    def post(self, request: Any, request_id: str) -> Response:
        """Do not allow the call. The agent reads the reason and takes it up."""
        body = body_of(request.data, Reject)
        return self.obey(reject, request_id, reason=body.reason, digest=body.digest, origin=self.origin)


class SendBackRequest(OneApproval):
    """Say what to do instead."""

    @operation(
        "approvals_send_back",
        "Send a call back",
        body=SendBack,
        answer=ApprovalDetailShape,
        path=["request_id"],
        errors=[404, 409, 410],
        example={"instructions": "Offer a repair first; refund only if the customer declines."},
    )
    def post(self, request: Any, request_id: str) -> Response:
        """Do not make this call. The agent reads the instructions and may propose another."""
        body = body_of(request.data, SendBack)
        return self.obey(send_back, request_id, instructions=body.instructions, digest=body.digest, origin=self.origin)


def kept(answer: dict[str, Any]) -> dict[str, Any]:
    """What is kept of an answer to be repeated: nothing sensitive."""
    return without_sensitive(answer, ToolCall.objects.get(pk=answer["call"]))


def _schema(row: ApprovalRequest) -> dict[str, Any] | None:
    try:
        return tool_of(row).parameters
    except (UnknownAgent, WrongState):
        return None
