"""Input requests: an agent's questions to its user, and the page on which they are answered."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy

from agents_app.admin.base import ReadOnlyAdmin
from agents_app.admin.blocks import block
from agents_app.admin.columns import column
from agents_app.admin.decide_form import put_on_form
from agents_app.admin.displays import badge, excerpt, short_time, time_tag
from agents_app.admin.filters import AgeFilter, AgentOfRunFilter, InputStatusFilter
from agents_app.admin.revealed import revealed, warnings_about
from agents_app.admin.schema_form import SchemaForm
from agents_app.core.status import InputStatus
from agents_app.exceptions import AgentsError
from agents_app.models import InputRequest
from agents_app.selectors.people import (
    ANSWER,
    VIEW_INPUT,
    lacking,
    may_answer,
    may_view_run,
    may_view_transcript,
    visible_inputs,
)
from agents_app.services import answer_input

ANY_TEXT = {"type": "string", "maxLength": 10_000, "description": ""}


class InputRequestAdmin(ReadOnlyAdmin):
    """Questions, for those who may view or answer other people's; everybody sees those of their own runs."""

    seen_with = (VIEW_INPUT, ANSWER)
    page_template = "agents_app/answer.html"
    nothing_yet = gettext_lazy("No agent has asked anything yet.")
    list_display = [
        "status_badge",
        "asked",
        "agent",
        "user_name",
        "created",
        column("answered_by_name", gettext_lazy("answered by")),
    ]
    list_display_links = None
    list_filter = [InputStatusFilter, AgentOfRunFilter, AgeFilter]
    search_fields = ["id", "context__id", "context__agent", "context__details__user_name"]
    search_label = gettext_lazy("Search by id of the question or run, agent or user")
    ordering = ["-id"]

    def visible_rows(self, user: Any) -> "QuerySet[InputRequest]":
        rows: QuerySet[InputRequest] = visible_inputs(user)
        return rows

    # The list.

    @admin.display(description=gettext_lazy("status"))
    def status_badge(self, row: InputRequest) -> SafeString:
        return badge(InputStatus(row.status))

    @admin.display(description=gettext_lazy("question"))
    def asked(self, row: InputRequest) -> SafeString:
        text = excerpt(row.question, 140) if getattr(row, "readable", False) else gettext("A question")
        return self.links.anchor("inputrequest", row.pk, revealed(text))

    @admin.display(description=gettext_lazy("agent"))
    def agent(self, row: InputRequest) -> str:
        return row.context.agent

    @admin.display(description=gettext_lazy("user"), empty_value="–")
    def user_name(self, row: InputRequest) -> str:
        return row.context.details.user_name

    @admin.display(description=gettext_lazy("asked"))
    def created(self, row: InputRequest) -> SafeString:
        return short_time(row.created_at)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list, with each row marked whether this person may read it."""
        changes = super().get_changelist_instance(request)
        for row in changes.result_list:
            row.readable = readable(request.user, row)
        return changes

    # The page.

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.found(request, object_id)
        if request.method != "POST":
            return self.page(request, row)
        form = answer_form(row, request.POST)
        if not may_answer(request.user, row.context):
            why, typed = lacking(ANSWER), form.changes() if readable(request.user, row) else []
            return self.page(request, row, status=why.http_status, failure=why.message, typed=typed)
        if not form.is_valid():
            return self.page(request, row, status=400, form=form)
        was_open = row.status == InputStatus.PENDING
        try:
            answer_input(row.pk, form.answer(), by=request.user)
        except AgentsError as error:
            fresh = self.found(request, object_id)
            named = put_on_form(form, error)
            typed = form.changes() if fresh.status != InputStatus.PENDING else []
            failure = "" if named else gettext(error.message)
            return self.page(request, fresh, status=error.http_status, form=form, failure=failure, typed=typed)
        if was_open:
            self.log(request, row, "answered")
        messages.success(request, gettext("Your answer has been recorded; the run goes on."))
        return HttpResponseRedirect(self._afterwards(request, row))

    def _afterwards(self, request: HttpRequest, row: InputRequest) -> str:
        if may_view_run(request.user, row.context):
            return self.links.row("agentcontext", row.context.pk)
        return self.links.row("inputrequest", row.pk)

    def page_context(self, request: HttpRequest, row: InputRequest) -> dict[str, Any]:
        may_read = readable(request.user, row)
        details = row.context.details
        given = row.status == InputStatus.ANSWERED
        return {
            "title": gettext("Question"),
            "question": row,
            "odd": warnings_about(row.question) if may_read else (),
            "readable": may_read,
            "open": row.status == InputStatus.PENDING,
            "allowed": may_answer(request.user, row.context),
            "badge": badge(InputStatus(row.status)),
            "answer": block("answer", gettext("Answer"), row.answer) if given and may_read else None,
            "form": answer_form(row, None),
            "facts": [
                (gettext("Run"), self._run_link(request, row)),
                (gettext("Agent"), row.context.agent),
                (gettext("User"), details.user_name or gettext("none")),
                (gettext("Asked"), time_tag(row.created_at)),
                (gettext("Expires"), time_tag(row.expires_at)),
                *(
                    [
                        (gettext("Answered by"), row.answered_by_name or "–"),
                        (gettext("Answered"), time_tag(row.status_at)),
                    ]
                    if given
                    else []
                ),
            ],
        }

    def _run_link(self, request: HttpRequest, row: InputRequest) -> str:
        run = row.context.pk
        return self.links.anchor("agentcontext", run, str(run)) if may_view_run(request.user, row.context) else str(run)


def readable(user: Any, row: InputRequest) -> bool:
    """Whether this person may read the question: those who may answer it, too."""
    return may_view_transcript(user, row.context) or may_answer(user, row.context)


def answer_form(row: InputRequest, data: QueryDict | None) -> SchemaForm:
    """The form for an answer: a text, or what the question's schema asks for."""
    return SchemaForm(row.schema if isinstance(row.schema, dict) else ANY_TEXT, data=data)
