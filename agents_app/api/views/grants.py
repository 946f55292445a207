"""Standing grants: what is allowed from now on without asking."""

from typing import Any

from rest_framework.response import Response

from agents_app.api.bodies import MakeGrant, WithReason
from agents_app.api.idempotency import once
from agents_app.api.openapi import PAGING, operation, page_of
from agents_app.api.parsing import body_of
from agents_app.api.view import ApiList, ApiView
from agents_app.selectors.grants import GrantShape, grant_as_dict, visible_grants
from agents_app.selectors.runs import one_of
from agents_app.services import make_grant, revoke_grant
from agents_app.services.grants import sensitive_of


class Grants(ApiList):
    """The standing grants that one may know of."""

    @operation("grants_list", "List standing grants", answer=page_of(GrantShape), errors=[400], parameters=PAGING)
    def get(self, request: Any) -> Response:
        """Deciders see all, others their own; the newest first, also those that count no more."""
        return self.page(visible_grants(request.user), lambda row: _shown(row, request.user))


class Grant(ApiView):
    """One standing grant."""

    @operation("grants_read", "Read a standing grant", answer=GrantShape, path=["grant_id"], errors=[404])
    def get(self, request: Any, grant_id: str) -> Response:
        """With how often it was used, and what is left of it."""
        return Response(_shown(one_of(visible_grants(request.user), grant_id), request.user))


class GrantRequest(ApiView):
    """Allow the like of a request from now on."""

    @operation(
        "approvals_grant",
        "Allow the like of a call from now on",
        body=MakeGrant,
        answer=GrantShape,
        path=["request_id"],
        status=201,
        errors=[404, 409],
        example={
            "scope": "user",
            "conditions": [{"path": "amount", "operator": "at_most", "value": 100}],
            "uses": 20,
            "expires_at": "2030-01-31T18:00:00+01:00",
            "reason": "Postage, as agreed.",
        },
    )
    def post(self, request: Any, request_id: str) -> Response:
        """Such calls start without a question, in your name. The request itself is not decided by it.

        Needs the permission agents_app.add_standinggrant, and the right to approve this request alone.
        """
        values = body_of(request.data, MakeGrant).model_dump()

        def act() -> dict[str, Any]:
            return _shown(make_grant(request_id, by=request.user, origin=self.origin, **values), request.user)

        return once(request, 201, act)


class RevokeGrant(ApiView):
    """End a standing grant."""

    @operation(
        "grants_revoke",
        "Revoke a standing grant",
        body=WithReason,
        answer=GrantShape,
        path=["grant_id"],
        errors=[404, 409],
    )
    def post(self, request: Any, grant_id: str) -> Response:
        """It counts no more, from the next start of a call on. Others' need agents_app.revoke_standinggrant."""
        reason = body_of(request.data, WithReason).reason
        return once(request, 200, lambda: _shown(revoke_grant(grant_id, by=request.user, reason=reason), request.user))


def _shown(row: Any, viewer: Any) -> dict[str, Any]:
    return grant_as_dict(row, viewer, sensitive_of(row))
