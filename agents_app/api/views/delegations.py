"""Who decides in whose place."""

from typing import Any

from rest_framework.response import Response

from agents_app.api.bodies import Delegate, Nothing
from agents_app.api.filters import DelegationFilter
from agents_app.api.idempotency import once
from agents_app.api.openapi import PAGING, operation, page_of
from agents_app.api.parsing import body_of
from agents_app.api.view import ApiList, ApiView
from agents_app.models import database_now
from agents_app.selectors.delegations import DelegationShape, delegation_as_dict, visible_delegations
from agents_app.selectors.runs import one_of
from agents_app.services import delegate, revoke_delegation


class Delegations(ApiList):
    """The delegations that one may know of."""

    filterset_class = DelegationFilter

    @operation(
        "delegations_list",
        "List delegations",
        answer=page_of(DelegationShape),
        errors=[400],
        parameters=PAGING,
        filters=True,
    )
    def get(self, request: Any) -> Response:
        """Your own and those to you, all with agents_app.manage_delegation; the newest first."""
        now = database_now()
        return self.page(visible_delegations(request.user), lambda row: delegation_as_dict(row, now))

    @operation(
        "delegations_make",
        "Delegate decisions",
        body=Delegate,
        answer=DelegationShape,
        status=201,
        example={"to": "ben", "until": "2026-08-17T08:00:00+02:00", "reason": "On holiday."},
    )
    def post(self, request: Any) -> Response:
        """Let somebody decide in your place; with `giver` in somebody else's, which needs agents_app.manage_delegation.

        They need the permission agents_app.decide_approvalrequest.
        """
        body = body_of(request.data, Delegate)

        def act() -> dict[str, Any]:
            given: dict[str, Any] = {"giver": body.giver, "since": body.since, "reason": body.reason}
            row = delegate(to=body.to, by=request.user, until=body.until, **given)
            return delegation_as_dict(row, database_now())

        return once(request, 201, act)


class OneDelegation(ApiView):
    """One delegation."""

    @operation("delegations_read", "Read a delegation", answer=DelegationShape, path=["delegation_id"], errors=[404])
    def get(self, request: Any, delegation_id: str) -> Response:
        """One delegation."""
        return Response(delegation_as_dict(one_of(visible_delegations(request.user), delegation_id), database_now()))


class RevokeDelegation(ApiView):
    """End one."""

    @operation(
        "delegations_revoke",
        "Revoke a delegation",
        body=Nothing,
        answer=DelegationShape,
        path=["delegation_id"],
        errors=[404],
    )
    def post(self, request: Any, delegation_id: str) -> Response:
        """End it now: your own; those of others with agents_app.manage_delegation."""
        body_of(request.data, Nothing)
        return once(
            request,
            200,
            lambda: delegation_as_dict(revoke_delegation(delegation_id, by=request.user), database_now()),
        )
