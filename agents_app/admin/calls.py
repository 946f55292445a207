"""Tool calls: the ledger of side effects, and the page that settles an unknown outcome."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy

from agents_app.admin.base import ReadOnlyAdmin, origin_of
from agents_app.admin.blocks import Block, block
from agents_app.admin.displays import DOORS, EFFECTS, VERDICTS, badge, between, short_time, time_tag
from agents_app.admin.filters import AgeFilter, AgentOfRunFilter, ToolCallStatusFilter
from agents_app.admin.revealed import revealed
from agents_app.admin.settle_form import SettleForm
from agents_app.core.status import Effect, ToolCallStatus, Verdict
from agents_app.definitions.registry import tool_now
from agents_app.exceptions import AgentsError
from agents_app.models import Decision, ToolCall
from agents_app.selectors.grants import grant_of
from agents_app.selectors.people import (
    SETTLE,
    VIEW_RUN,
    lacking,
    may_read_call,
    may_settle,
    may_view_run,
    may_view_sensitive,
    visible_calls,
)
from agents_app.selectors.transcript import arguments_of
from agents_app.services import settle_outcome
from agents_app.services.amounts import currencies_of_call


class ToolCallAdmin(ReadOnlyAdmin):
    """Tool calls, for those who may know of the runs or settle unknown outcomes."""

    seen_with = (VIEW_RUN, SETTLE)
    page_template = "agents_app/call.html"
    nothing_yet = gettext_lazy("No agent has called a tool yet.")
    list_display = ["call", "status_badge", "agent", "user_name", "what_effect", "proposed", "took", "tries"]
    list_display_links = None
    list_filter = [ToolCallStatusFilter, AgentOfRunFilter, AgeFilter]
    search_fields = ["id", "context__id", "tool", "context__agent", "context__details__user_name"]
    search_label = gettext_lazy("Search by id of the call or run, tool, agent or user")
    ordering = ["-id"]

    def visible_rows(self, user: Any) -> "QuerySet[ToolCall]":
        rows: QuerySet[ToolCall] = visible_calls(user)
        return rows

    # The list.

    @admin.display(description=gettext_lazy("call"), ordering="id")
    def call(self, row: ToolCall) -> SafeString:
        return self.links.anchor("toolcall", row.pk, str(row))

    @admin.display(description=gettext_lazy("status"))
    def status_badge(self, row: ToolCall) -> SafeString:
        return badge(ToolCallStatus(row.status))

    @admin.display(description=gettext_lazy("agent"))
    def agent(self, row: ToolCall) -> str:
        return row.context.agent

    @admin.display(description=gettext_lazy("user"), empty_value="–")
    def user_name(self, row: ToolCall) -> str:
        return row.context.details.user_name

    @admin.display(description=gettext_lazy("effect"), ordering="effect")
    def what_effect(self, row: ToolCall) -> str:
        return gettext(row.effect)

    @admin.display(description=gettext_lazy("tries"))
    def tries(self, row: ToolCall) -> int:
        return row.attempt

    @admin.display(description=gettext_lazy("proposed"))
    def proposed(self, row: ToolCall) -> SafeString:
        return short_time(row.proposed_at)

    @admin.display(description=gettext_lazy("took"), empty_value="–")
    def took(self, row: ToolCall) -> str:
        return between(row.started_at, row.settled_at)

    # The page.

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.found(request, object_id)
        if request.method != "POST":
            return self.page(request, row)
        if not may_settle(request.user, row):
            why, typed = lacking(SETTLE), request.POST.get("reason", "")
            return self.page(request, row, status=why.http_status, failure=why.message, typed=typed)
        form = SettleForm(request.POST, over=row.context.ended, tool=tool_now(row.context.agent, row.tool))
        if not form.is_valid():
            return self.page(request, row, status=400, form=form)
        given = dict(form.cleaned_data)
        try:
            settle_outcome(
                row.pk,
                given["verdict"],
                by=request.user,
                result=form.happened_with(),
                reason=given["reason"],
                origin=origin_of(request),
            )
        except AgentsError as error:
            fresh = self.found(request, object_id)
            return self.page(
                request,
                fresh,
                status=error.http_status,
                form=form,
                failure="" if form.refuse(error) else gettext(error.message),
                typed=given["reason"],
            )
        messages.success(request, gettext("The outcome is settled."))
        if may_view_run(request.user, row.context):
            return HttpResponseRedirect(self.links.row("agentcontext", row.context.pk))
        return HttpResponseRedirect(self.links.row("toolcall", row.pk))

    def page_context(self, request: HttpRequest, row: ToolCall) -> dict[str, Any]:
        readable = may_read_call(request.user, row)
        unknown = row.status == ToolCallStatus.UNKNOWN
        return {
            "title": gettext("Tool call %(row)s") % {"row": row},
            "call": row,
            "badge": badge(ToolCallStatus(row.status)),
            "unknown": unknown,
            "allowed": may_settle(request.user, row),
            "readable": readable,
            "blocks": self._blocks(request, row) if readable else [],
            "form": SettleForm(over=row.context.ended, tool=tool_now(row.context.agent, row.tool)) if unknown else None,
            "decisions": [
                _decision(made, readable=readable) for made in Decision.objects.filter(call=row).order_by("pk")
            ],
            "facts": self._facts(request, row, readable=readable),
        }

    def _blocks(self, request: HttpRequest, row: ToolCall) -> list[Block]:
        arguments = arguments_of(row, sensitive=may_view_sensitive(request.user))
        blocks = [block("arguments", gettext("Arguments"), arguments, currencies_of_call(row.context.agent, row))]
        if row.status == ToolCallStatus.SUCCEEDED:
            blocks.append(block("result", gettext("Result"), row.result))
        if row.error:
            blocks.append(block("error", gettext("What happened"), row.error))
        return blocks

    def _facts(self, request: HttpRequest, row: ToolCall, *, readable: bool) -> list[tuple[str, Any]]:
        run: Any = str(row.context)
        if may_view_run(request.user, row.context):
            run = self.links.anchor("agentcontext", row.context.pk, run)
        return [
            (gettext("Run"), run),
            (gettext("User"), row.context.details.user_name or gettext("none")),
            (gettext("Effect"), f"{gettext(row.effect)}: {EFFECTS[Effect(row.effect)]}"),
            (gettext("Proposed"), time_tag(row.proposed_at)),
            (gettext("Started"), time_tag(row.started_at)),
            (gettext("Settled"), time_tag(row.settled_at)),
            (gettext("Attempts"), row.attempt),
            *self._grant(row),
            *([(gettext("Error"), row.error_code)] if row.error_code else []),
            *([(gettext("Note"), revealed(row.note))] if row.note and readable else []),
            *([(gettext("Idempotency key"), row.idempotency_key)] if row.idempotency_key else []),
        ]

    def _grant(self, row: ToolCall) -> list[tuple[str, Any]]:
        grant = grant_of(row)
        return (
            [] if grant is None else [(gettext("Allowed by"), self.links.anchor("standinggrant", grant.pk, str(grant)))]
        )


def _decision(made: Decision, *, readable: bool) -> dict[str, Any]:
    return {
        "who": made.user_name or gettext("the system"),
        "verdict": VERDICTS[Verdict(made.verdict)],
        "at": time_tag(made.decided_at),
        "door": DOORS.get(made.door, made.door),
        "reason": made.reason if readable else "",
    }
