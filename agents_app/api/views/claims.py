"""Who looks after an approval request."""

from typing import Any

from rest_framework.response import Response

from agents_app.api.bodies import Nothing, Reassign
from agents_app.api.openapi import operation
from agents_app.api.parsing import body_of
from agents_app.api.views.approvals import OneApproval
from agents_app.selectors.approval_detail import ApprovalDetailShape
from agents_app.services import claim_request, reassign_request, release_request


class ClaimRequest(OneApproval):
    """Take it on."""

    @operation(
        "approvals_claim",
        "Take a request on",
        body=Nothing,
        answer=ApprovalDetailShape,
        path=["request_id"],
        errors=[404, 409, 410],
    )
    def post(self, request: Any, request_id: str) -> Response:
        """Tell others that you look after it. They may still decide. 409 if somebody else has taken it on."""
        body_of(request.data, Nothing)
        return self.obey(claim_request, request_id)


class ReleaseRequest(OneApproval):
    """Give it back."""

    @operation(
        "approvals_release",
        "Give a request back",
        body=Nothing,
        answer=ApprovalDetailShape,
        path=["request_id"],
        errors=[404, 409, 410],
    )
    def post(self, request: Any, request_id: str) -> Response:
        """Nobody looks after it any more. What others took on needs agents_app.reassign_approvalrequest."""
        body_of(request.data, Nothing)
        return self.obey(release_request, request_id)


class ReassignRequest(OneApproval):
    """Hand it over."""

    @operation(
        "approvals_reassign",
        "Hand a request to somebody",
        body=Reassign,
        answer=ApprovalDetailShape,
        path=["request_id"],
        errors=[404, 409, 410],
        example={"to": "anna"},
    )
    def post(self, request: Any, request_id: str) -> Response:
        """To somebody who may decide on it. What others took on needs agents_app.reassign_approvalrequest."""
        body = body_of(request.data, Reassign)
        return self.obey(reassign_request, request_id, to=body.to)
