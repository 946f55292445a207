"""Approval requests: what waits first, and the page on which a person decides."""

from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext

from agents_app.admin.base import origin_of
from agents_app.admin.blocks import as_json, block, differences
from agents_app.admin.bulk import BulkDecisions
from agents_app.admin.claims import claim_on, claimed, is_claiming
from agents_app.admin.decide_form import Decidable, decidable, put_on_form
from agents_app.admin.displays import DOORS, VERDICTS, badge, time_tag
from agents_app.admin.grants import grant_url
from agents_app.admin.inbox import risk_badge
from agents_app.admin.links import subject_of
from agents_app.admin.news import news
from agents_app.admin.request_page import consequences, done_before, earlier_decisions
from agents_app.admin.revealed import revealed, warnings_about
from agents_app.admin.run_page import head_of
from agents_app.conf import conf
from agents_app.core.status import ApprovalStatus, Verdict
from agents_app.exceptions import AgentsError, InvalidInput, StaleDigest
from agents_app.models import AgentContext, ApprovalRequest, Decision, database_now
from agents_app.selectors.approvers import nobody_because
from agents_app.selectors.inbox import Tab
from agents_app.selectors.people import DECIDE, may_view_run, may_view_transcript
from agents_app.selectors.presentation import stages_of
from agents_app.services import approve, reject, send_back
from agents_app.services.amounts import currencies_of_call
from agents_app.services.approvals import permit
from agents_app.services.inbox import desk_for

MOST_COUNTED = 100


class ApprovalRequestAdmin(BulkDecisions):
    """Requests for a decision, for those who decide or may view them."""

    page_template = "agents_app/decide.html"

    def own_urls(self) -> list[URLPattern]:
        return [self.own_url("<uuid:request_id>/news/", self.news_view, "news"), *super().own_urls()]

    # The page.

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.found(request, object_id)
        if request.method != "POST":
            return self.page(request, row)
        if is_claiming(request.POST):
            return self._taken(request, row)
        shown = decidable(self.admin_site, request, row, request.POST)
        try:
            if not shown.allowed:  # perhaps not any more: it may have been taken from them while they looked at it
                permit(request.user, row, Verdict.REJECTED)
            return self._decided(request, shown)
        except AgentsError as error:
            return self._undecided(request, row, error, shown)

    def _taken(self, request: HttpRequest, row: ApprovalRequest) -> HttpResponse:
        """Take it on, give it back, hand it over: others see that somebody looks at it, and may still decide."""
        try:
            messages.success(request, claimed(request.user, row, request.POST))
        except AgentsError as error:
            messages.error(request, gettext(error.message))
        return HttpResponseRedirect(self.links.row("approvalrequest", row.pk))

    def _decided(self, request: HttpRequest, shown: Decidable) -> HttpResponse:
        """Do what the person decided. Raises AgentsError."""
        given, row = request.POST, shown.approval
        words = {"digest": given.get("digest", ""), "reason": given.get("reason", "")}
        options: dict[str, Any] = {"by": request.user, "origin": origin_of(request), **words}
        key = self._to_confirm(shown) if shown.open and "_approve" in given else None
        if key is not None and given.get("_confirmed") != key:
            return self._confirm(request, shown)
        if "_reject" in given:
            reject(row.pk, **options)
            said = gettext("You rejected it.")
        elif "_send_back" in given:
            send_back(row.pk, instructions=options.pop("reason"), **options)
            said = gettext("You sent it back.")
        else:
            edited = self._edited(shown)
            made = approve(row.pk, arguments=edited, **options)
            # A second click gives all of the arguments: what was changed shows in what it was shown.
            changed = edited and (shown.open or words["digest"] != row.call.digest)
            said = _approved(changed=bool(changed), waits=made.status == ApprovalStatus.PENDING)
        messages.success(request, format_html("{} {}", said, self._next(request)))
        return self._after(request, row)

    def _edited(self, shown: Decidable) -> dict[str, Any] | None:
        form = shown.form
        if form is None:
            return None
        if not shown.open:
            # Perhaps a second click: whether it repeats what was decided shows in all of the arguments.
            return shown.fitting()
        if not form.is_valid():
            raise InvalidInput(gettext("Some values cannot be used; see below."), code="invalid_arguments")
        return form.edited()

    def _to_confirm(self, shown: Decidable) -> str | None:
        """The key of the edit that is made only after its differences have been shown; None without one.

        Raises AgentsError for an edit that cannot be made.
        """
        if self._edited(shown) is None or shown.edit is None:
            return None
        if shown.request.POST.get("digest") != shown.approval.call.digest:
            raise StaleDigest
        if shown.tool is not None:
            shown.tool.validate(shown.edit.arguments)
        return shown.edit.key

    def _confirm(self, request: HttpRequest, shown: Decidable) -> HttpResponse:
        """Show what would be changed. Nothing has happened yet."""
        reason = request.POST.get("reason", "")
        return self.page(request, shown.approval, decidable=shown, reason=reason, confirm=shown.edit)

    def _after(self, request: HttpRequest, row: ApprovalRequest) -> HttpResponse:
        """To the page that shows the run going on."""
        if may_view_run(request.user, row.context):
            return HttpResponseRedirect(self.links.row("agentcontext", row.context.pk))
        return HttpResponseRedirect(self.links.row("approvalrequest", row.pk))

    def _next(self, request: HttpRequest) -> SafeString:
        waiting = list(desk_for(request.user).rows(Tab.MINE)[: MOST_COUNTED + 1])
        if not waiting:
            return SafeString(gettext("Nothing else waits for you."))
        url = self.links.row("approvalrequest", waiting[0].pk)
        number = f"{MOST_COUNTED}+" if len(waiting) > MOST_COUNTED else str(len(waiting))
        words = ngettext("Next request (%(number)s waiting)", "Next request (%(number)s waiting)", len(waiting))
        words %= {"number": number}
        return format_html('<a href="{}">{}</a>', url, words)

    def _undecided(
        self, request: HttpRequest, row: ApprovalRequest, error: AgentsError, shown: Decidable
    ) -> HttpResponse:
        """Say why it was not done, and keep what was typed."""
        fresh = self.found(request, str(row.pk))
        again = decidable(self.admin_site, request, fresh, request.POST)
        message = gettext(error.message)
        if isinstance(error, StaleDigest):
            message = gettext(
                "The arguments have changed since you saw them. Look at them again; what you typed is kept."
            )
        in_reason = error.code == "reason_required"
        named = put_on_form(again.form, error)
        return self.page(
            request,
            fresh,
            status=error.http_status,
            decidable=again,
            failure="" if in_reason else (gettext("Some values cannot be used; see below.") if named else message),
            reason=request.POST.get("reason", ""),
            reason_error=message if in_reason else "",
            typed=() if again.open and again.allowed else tuple(shown.form.changes() if shown.form else ()),
        )

    def page_context(self, request: HttpRequest, row: ApprovalRequest) -> dict[str, Any]:
        context, user = row.context, request.user
        transcript = may_view_transcript(user, context)
        details = context.details
        shown = decidable(self.admin_site, request, row, None)
        done, more = done_before(shown.before, row.call) if transcript else ([], 0)
        return {
            "title": gettext("Decide") if shown.open and shown.allowed else gettext("Approval request"),
            "approval": row,
            "decidable": shown,
            "summary": revealed(row.summary) if shown.readable else "",
            "why": revealed(row.why),
            "badge": badge(ApprovalStatus(row.status)),
            "risk": risk_badge(row.risk),
            "decisions": decisions_on(row, readable=shown.readable),
            "asked": time_tag(row.created_at),
            "expires": time_tag(row.expires_at) if row.expires_at else "",
            "expired": row.expires_at is not None and row.expires_at <= database_now() and shown.open,
            "subject": subject_of(self.admin_site, request, details.subject_type_id, details.subject_id),
            "input": block("input", gettext("What the agent was asked"), details.input) if transcript else None,
            "said": block("said", gettext("What the agent said with it"), said)
            if transcript and (said := said_with(row))
            else None,
            "run_url": self.links.row("agentcontext", context.pk) if may_view_run(user, context) else "",
            "head": head_of(context),
            "news_url": self.links.to("approvalrequest_news", row.pk),
            "news_key": f"{context.version}",
            "successor": self._successor(row),
            "odd": warnings_about([row.summary, row.reason]) if shown.readable else (),
            "done": done,
            "done_before": more,
            "earlier": earlier_decisions(user, row, self.links),
            "follows": consequences(row, conf.APPROVAL_VALID_SECONDS, database_now()) if shown.open else None,
            "may_decide_any": user.has_perm(DECIDE),
            "stages": stages_of(row),
            "nobody": nobody_because(row) if shown.open and not shown.may_approve else "",
            "escalated": time_tag(row.escalated_at) if row.escalated_at else "",
            "grant_url": grant_url(self.links, user, row),
            "claim": claim_on(user, row, allowed=shown.allowed) if shown.open else None,
        }

    def _successor(self, row: ApprovalRequest) -> str:
        newer = ApprovalRequest.objects.filter(supersedes=row).values_list("pk", flat=True).first()
        return self.links.row("approvalrequest", newer) if newer else ""

    def news_view(self, request: HttpRequest, request_id: Any) -> JsonResponse:
        """How the request's run stands, for a page that goes on by itself."""
        row = self.found(request, str(request_id))
        run = row.context
        return news(request, f"{run.version}", lambda: _head(run), ended=run.ended, version=run.version)


def _head(run: AgentContext) -> dict[str, str]:
    return {"head": render_to_string("agents_app/run/head.html", {"head": head_of(run)})}


def _approved(*, changed: bool, waits: bool) -> str:
    """What came of a yes."""
    if changed and waits:
        return gettext("Your changes are noted. Somebody else must approve the call with them.")
    said = gettext("You approved it with changes.") if changed else gettext("You approved it.")
    return f"{said} " + gettext("It still waits for somebody else's yes.") if waits else said


def said_with(row: ApprovalRequest) -> str:
    """The LLM's words beside the call."""
    return str((row.call.proposed_by.response or {}).get("text", ""))


def decisions_on(row: ApprovalRequest, *, readable: bool) -> list[dict[str, Any]]:
    """Who decided what, when, through which door, why, and with which changes."""
    currencies = currencies_of_call(row.context.agent, row.call)
    made = Decision.objects.filter(Q(request=row)).order_by("pk")
    return [
        {
            "who": decision.user_name or gettext("the system"),
            "in_stead_of": decision.on_behalf_of_name,
            "verdict": VERDICTS[Verdict(decision.verdict)],
            "at": time_tag(decision.decided_at),
            "door": DOORS.get(decision.door, decision.door),
            "reason": decision.reason if readable else "",
            "changes": differences(as_json(decision.arguments_before), as_json(decision.arguments), currencies)
            if decision.arguments and readable
            else (),
        }
        for decision in made
    ]
