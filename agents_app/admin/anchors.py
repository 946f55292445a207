"""Audit anchors, and the form that takes the decisions of a period away."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy

from agents_app.admin.base import ReadOnlyAdmin
from agents_app.admin.displays import short_time, time_tag
from agents_app.exceptions import AgentsError
from agents_app.live.portions import download
from agents_app.models import AuditAnchor
from agents_app.selectors.moments import moment
from agents_app.selectors.people import EXPORT, may_export
from agents_app.services import export_decisions

LONGEST_NUMBER = 19
"""Digits; longer ones are no numbers of rows."""


class AuditAnchorAdmin(ReadOnlyAdmin):
    """For those with `export_audit`."""

    seen_with = (EXPORT,)
    nothing_yet = gettext_lazy(
        "There is no anchor yet. Once a day the heads of all chains are kept here, so that a run that is removed shows."
    )
    list_display = ["anchor", "made", "runs", "seal"]
    list_display_links = None
    ordering = ["-number"]
    change_list_template = "agents_app/anchors.html"

    def may_list(self, user: Any) -> bool:
        return may_export(user)

    def visible_rows(self, user: Any) -> "QuerySet[AuditAnchor]":
        rows = AuditAnchor.objects.defer("lines")
        return rows if may_export(user) else rows.none()

    def found(self, request: HttpRequest, object_id: str) -> Any:
        """By its number."""
        number = object_id.strip("/")
        known = number.isascii() and number.isdecimal() and len(number) < LONGEST_NUMBER
        row = self.visible_rows(request.user).filter(pk=int(number)).first() if known else None
        if row is None:
            raise Http404
        return row

    def own_urls(self) -> list[URLPattern]:
        return [self.own_url("export/", self.export_view, "export")]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        extra = {"export_url": self.links.to("auditanchor_export")}
        return super().changelist_view(request, {**extra, **(extra_context or {})})

    def export_view(self, request: HttpRequest) -> Any:
        """The decisions of a period, as a file."""
        self.require(may_export(request.user), EXPORT)
        asked = request.GET
        form = asked.get("format", "csv")
        try:
            since, until = (moment(asked.get(name, ""), f"“{name}”") for name in ("from", "to"))
            pieces = export_decisions(by=request.user, since=since, until=until, format=form)
        except AgentsError as error:
            extra = {"title": gettext("Export decisions"), "failure": error.message, "asked": asked.dict()}
            return self.rendered(request, "agents_app/export.html", status=error.http_status, **extra)
        return download(request, pieces, name=f"decisions-{since:%Y-%m-%d}-{until:%Y-%m-%d}", format=form)

    @admin.display(description=gettext_lazy("anchor"), ordering="number")
    def anchor(self, row: AuditAnchor) -> SafeString:
        return self.links.anchor("auditanchor", row.pk, str(row))

    @admin.display(description=gettext_lazy("made"))
    def made(self, row: AuditAnchor) -> SafeString:
        return short_time(row.made_at)

    def page_context(self, request: HttpRequest, row: AuditAnchor) -> dict[str, Any]:
        facts = [
            (gettext("Made"), time_tag(row.made_at)),
            (gettext("Runs"), row.runs),
            (gettext("Seal"), row.seal),
            (gettext("Seal of the anchor before it"), row.before or "–"),
        ]
        return {"title": gettext("Audit anchor %(anchor)s") % {"anchor": row}, "facts": facts}
