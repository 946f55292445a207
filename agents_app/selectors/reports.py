"""What the doors say about requests that were decided at once, as JSON."""

from typing import Any

from pydantic import Field

from agents_app.core.bulk import Outcome, Report
from agents_app.core.status import ApprovalStatus
from agents_app.selectors.shapes import Shape


class ReportShape(Shape):
    """What came of one of many requests that were decided at once."""

    id: str
    outcome: Outcome = Field(description="`endorsed`: others still have to approve; `lost`: somebody else was faster.")
    status: ApprovalStatus | None = Field(description="The new status, where this person's word counts.")
    error: dict[str, Any] | None = Field(description="code, message and details, as the single command has them.")


def report_as_dict(report: Report) -> dict[str, Any]:
    """What came of one of many requests."""
    error = {"code": report.code, "message": report.message, "details": report.details} if report.code else None
    status = ApprovalStatus(report.status) if report.status else None
    shape = ReportShape(id=report.request_id, outcome=report.outcome, status=status, error=error)
    return shape.model_dump(mode="json")
