"""One answer to many approval requests."""

from typing import Any

from rest_framework.response import Response

from agents_app.api.bodies import DecideMany
from agents_app.api.openapi import all_of, operation
from agents_app.api.parsing import body_of
from agents_app.api.view import ApiView
from agents_app.core.bulk import Choice
from agents_app.selectors.reports import ReportShape, report_as_dict
from agents_app.services.bulk import decide_many


class DecideManyRequests(ApiView):
    """Say the same to many."""

    @operation(
        "approvals_bulk",
        "Decide many requests",
        body=DecideMany,
        answer=all_of(ReportShape),
        idempotent=False,
        example={
            "verdict": "approve",
            "requests": [{"id": "0190b2f0-…", "digest": "9f86d081…"}],
            "reason": "All of them are in the contract.",
        },
    )
    def post(self, request: Any) -> Response:
        """Each is checked and decided by itself; the answer says what came of each, in the order of the request.

        It needs no Idempotency-Key: the same person saying the same again gets the same reports.
        """
        body = body_of(request.data, DecideMany)
        choices = [Choice(request_id=each.id, digest=each.digest) for each in body.requests]
        reports = decide_many(choices, body.verdict, by=request.user, reason=body.reason, origin=self.origin)
        return Response({"results": [report_as_dict(report) for report in reports]})
