"""What auditors take away."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from django.http import HttpResponseBase
from django.utils.translation import gettext
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.renderers import JSONRenderer

from agents_app.api.errors import ErrorShape
from agents_app.api.openapi import ERRORS, MEANINGS, TAG
from agents_app.api.view import ApiView
from agents_app.core.tables import FORMATS
from agents_app.exceptions import InvalidInput
from agents_app.live.portions import download
from agents_app.models import database_now
from agents_app.selectors.moments import moment
from agents_app.services import export_anchors, export_decisions
from agents_app.services.exporting import EARLIEST

ROWS = {"type": "array", "items": {"type": "object", "additionalProperties": True}}
FORMAT = OpenApiParameter("format", str, enum=list(FORMATS), default="csv", description="CSV, or one JSON array.")
FROM = OpenApiParameter(
    "from", OpenApiTypes.DATETIME, description="The first moment, or day. Default: 30 days before `to`."
)
TO = OpenApiParameter("to", OpenApiTypes.DATETIME, description="Before this moment, or day. Default: now.")
ARCHIVES = OpenApiParameter(
    "archives", bool, default=False, description="Also those of archived runs, which come last."
)
USUAL = timedelta(days=30)


View = TypeVar("View", bound=Callable[..., Any])


def _described(name: str, summary: str, *parameters: OpenApiParameter) -> Callable[[View], View]:
    answers: dict[Any, Any] = {(200, "text/csv"): OpenApiTypes.STR, (200, "application/json"): ROWS}
    for code in (400, 401, 403, 429):
        answers[code] = OpenApiResponse(ErrorShape, MEANINGS[code], [ERRORS[code]])
    described: Callable[[View], View] = extend_schema(
        operation_id=name, summary=summary, tags=[TAG], parameters=[*parameters, FORMAT], responses=answers
    )
    return described


class _Table(ApiView):
    """`?format=` names the table's format, and no renderer: errors are JSON in any case."""

    def perform_content_negotiation(self, request: Any, force: bool = False) -> Any:
        return JSONRenderer(), JSONRenderer.media_type

    @property
    def form(self) -> str:
        """The format that is asked for. Raises InvalidInput."""
        name: str = self.request.query_params.get("format", "csv")
        if name not in FORMATS:
            raise InvalidInput(gettext("The format is one of: %(names)s.") % {"names": ", ".join(FORMATS)})
        return name

    @property
    def archives(self) -> bool:
        """Whether archived runs are asked for. Raises InvalidInput."""
        said = self.request.query_params.get("archives", "false")
        if said not in ("true", "false"):
            raise InvalidInput(gettext("`archives` is true or false."))
        return bool(said == "true")


class ExportDecisions(_Table):
    """The decisions of a period."""

    @_described("audit_decisions", "Export decisions", FROM, TO, ARCHIVES)
    def get(self, request: Any) -> HttpResponseBase:
        """Streamed; with `archives`, archives are read on the way. Needs the permission agents_app.export_audit."""
        asked = request.query_params
        until = moment(asked["to"], "`to`") if "to" in asked else database_now()
        since = moment(asked["from"], "`from`") if "from" in asked else max(until, EARLIEST + USUAL) - USUAL
        options: dict[str, Any] = {"format": self.form, "archives": self.archives}
        pieces = export_decisions(by=request.user, since=since, until=until, **options)
        return download(request._request, pieces, name=f"decisions-{since:%Y-%m-%d}-{until:%Y-%m-%d}", format=self.form)


class ExportAnchors(_Table):
    """The seals of audit anchors."""

    @_described("audit_anchors", "Export audit anchors")
    def get(self, request: Any) -> HttpResponseBase:
        """All anchors with their seals, to be kept elsewhere. Needs the permission agents_app.export_audit."""
        return download(
            request._request, export_anchors(by=request.user, format=self.form), name="anchors", format=self.form
        )
