"""One answer to many requests: what they have in common, how they differ, who may decide which, and what came of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import connections, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from agents_app.admin.base import origin_of
from agents_app.admin.displays import EFFECTS, RISKS, excerpt, inline
from agents_app.admin.inbox import InboxList, risk_badge
from agents_app.admin.revealed import revealed, warnings_about
from agents_app.core.bulk import MOST_AT_ONCE, BulkVerdict, Choice, Outcome, Report
from agents_app.core.labels import humanized
from agents_app.core.risk import Risk
from agents_app.core.status import ApprovalStatus, Effect, Verdict
from agents_app.exceptions import AgentsError
from agents_app.models import ApprovalRequest
from agents_app.selectors.people import DECIDE, may_view_sensitive, may_view_transcript
from agents_app.selectors.presentation import rows_for_approvals
from agents_app.selectors.runs import is_id
from agents_app.selectors.transcript import arguments_of
from agents_app.services.amounts import currencies_of_call, with_amounts
from agents_app.services.approvals import Decider
from agents_app.services.bulk import decide_many

VALUE_LENGTH = 120
"""Characters of a value on this page; the request's own page has all of it."""
BEFORE_IT_DIFFERS = 30
"""Characters that are shown before the first one in which long values differ."""
MOST_COLUMNS = 8

OUTCOMES: Mapping[Outcome, tuple[str, Any]] = {
    Outcome.DECIDED: ("good", gettext_lazy("Done")),
    Outcome.ENDORSED: ("waiting", gettext_lazy("Done; others still have to approve")),
    Outcome.REFUSED: ("bad", gettext_lazy("Refused")),
    Outcome.LOST: ("bad", gettext_lazy("Somebody else was faster")),
    Outcome.CHANGED: ("bad", gettext_lazy("Its arguments have changed; look at it again")),
    Outcome.FAILED: ("bad", gettext_lazy("Not done")),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """One request of those that were chosen. forbidden: why this person may not approve it (or decide it at all)."""

    row: ApprovalRequest
    link: SafeString
    risk: SafeString
    odd: tuple[Any, ...]
    allowed: bool
    may_approve: bool
    forbidden: str
    facts: Mapping[str, str]
    differing: tuple[tuple[str, SafeString], ...] = ()
    """By the label of what is not the same in all: the value, or what of it differs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """What requests have in common, and the labels of what differs. more: of what there is no room for."""

    common: list[tuple[str, SafeString]]
    columns: list[str]
    more: list[str]
    mine: list[Chosen]


class BulkDecisions(InboxList):
    """The list of requests, many of which can be decided at once."""

    actions = ["decide_selected"]

    def own_urls(self) -> list[URLPattern]:
        view: Any = self._bulk_view
        for alias in connections:
            # Each request has its own transaction, also where ATOMIC_REQUESTS is on.
            view = transaction.non_atomic_requests(using=alias)(view)
        return [self.own_url("bulk/", view, "bulk"), *super().own_urls()]

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Asked by Django before it offers or performs the action."""
        return request.user.is_active and request.user.has_perm(DECIDE)

    @admin.action(permissions=["decide"], description=gettext_lazy("Decide on the selected requests …"))
    def decide_selected(self, request: HttpRequest, queryset: "QuerySet[ApprovalRequest]") -> HttpResponse | None:
        """Show what was chosen. Nothing has been decided yet."""
        # All that were shown are meant, also what left this part of the inbox meanwhile: the page says so.
        keys = request.POST.getlist(ACTION_CHECKBOX_NAME)
        if len(keys) > MOST_AT_ONCE:
            messages.error(request, _("Decide on at most %(count)d requests at once.") % {"count": MOST_AT_ONCE})
            return None
        return self.bulk_page(request, keys)

    @property
    def _bulk_view(self) -> Any:
        def bulk(request: HttpRequest) -> HttpResponse:
            self.require(self.has_decide_permission(request), DECIDE)
            if request.method != "POST":
                return HttpResponseRedirect(self.links.to("approvalrequest_changelist"))
            return self.decided(request)

        return bulk

    def decided(self, request: HttpRequest) -> HttpResponse:
        """Decide, and tell what came of each. Sent again it tells the same."""
        keys = request.POST.getlist(ACTION_CHECKBOX_NAME)
        choices = [Choice(request_id=key, digest=request.POST.get(f"digest-{key}", "")) for key in keys]
        verdict = next((each for each in BulkVerdict if f"_{each}" in request.POST), "")
        reason = request.POST.get("reason", "")
        try:
            reports = decide_many(choices, verdict, by=request.user, reason=reason, origin=origin_of(request))
        except AgentsError as error:
            return self.bulk_page(request, keys, reason=reason, error=error)
        return self.report_page(request, reports)

    # Pages.

    def bulk_page(
        self, request: HttpRequest, keys: Iterable[str], *, reason: str = "", error: AgentsError | None = None
    ) -> HttpResponse:
        """What was chosen, and the form on which it is decided."""
        rows, person = self._rows(request, keys), Decider(request.user)
        chosen = [self._chosen(request, row, person) for row in rows if row.status == ApprovalStatus.PENDING]
        mine = [each for each in chosen if each.allowed]
        seen = compared(mine)
        return self.rendered(
            request,
            "agents_app/bulk.html",
            status=error.http_status if error else 200,
            title=_("Decide on several requests"),
            common=seen.common,
            columns=seen.columns,
            more=seen.more,
            mine=seen.mine,
            approvable=sum(each.may_approve for each in mine),
            others=[each for each in chosen if not each.allowed],
            gone=len(rows) - len(chosen),
            high=sum(each.row.risk == Risk.HIGH for each in mine),
            checkbox=ACTION_CHECKBOX_NAME,
            reason=reason,
            error=_(error.message) if error else "",
            back=self.links.to("approvalrequest_changelist"),
        )

    def report_page(self, request: HttpRequest, reports: list[Report]) -> HttpResponse:
        """What came of each."""
        rows = {str(row.pk): row for row in self._rows(request, [report.request_id for report in reports])}
        told, person = [], Decider(request.user)
        for report in reports:
            tone, label = OUTCOMES[report.outcome]
            row = rows.get(report.request_id)
            if row is not None:
                row.readable = report.done or person.may_decide(row, Verdict.REJECTED).allowed  # type: ignore[attr-defined]
            link = self.links.anchor("approvalrequest", row.pk, self._text(request, row)) if row else report.request_id
            told.append({"link": link, "tone": tone, "label": label, "message": report.message})
        done = sum(report.done for report in reports)
        return self.rendered(
            request,
            "agents_app/bulk_report.html",
            title=ngettext("%(done)d of %(count)d decided", "%(done)d of %(count)d decided", done)
            % {"done": done, "count": len(reports)},
            reports=sorted(told, key=lambda each: each["tone"] != "bad"),
            back=self.links.to("approvalrequest_changelist"),
        )

    def _rows(self, request: HttpRequest, keys: Iterable[str]) -> list[ApprovalRequest]:
        """In the order in which they were chosen."""
        wanted = [key for key in keys if is_id(key)][:MOST_AT_ONCE]
        found = rows_for_approvals(self.visible_rows(request.user)).filter(pk__in=wanted)
        rows = {str(row.pk): row for row in found.select_related("call", "context__details")}
        return [rows[key] for key in dict.fromkeys(wanted) if key in rows]

    def _chosen(self, request: HttpRequest, row: ApprovalRequest, person: Decider) -> Chosen:
        user = request.user
        declining = person.may_decide(row, Verdict.REJECTED)
        approving = person.may_decide(row) if declining.allowed else declining
        row.readable = declining.allowed or may_view_transcript(user, row.context)  # type: ignore[attr-defined]
        return Chosen(
            row=row,
            link=self.links.anchor("approvalrequest", row.pk, self._text(request, row)),
            risk=risk_badge(row.risk),
            odd=tuple(warnings_about([row.summary, _arguments(user, row)])) if declining.allowed else (),
            allowed=declining.allowed,
            may_approve=approving.allowed,
            forbidden=approving.reason,
            facts=facts_of(user, row) if declining.allowed else {},
        )

    def _text(self, request: HttpRequest, row: ApprovalRequest) -> SafeString | str:
        readable = getattr(row, "readable", False) or may_view_transcript(request.user, row.context)
        return revealed(excerpt(row.summary, 140)) if readable else f"{row.call.tool} #{row.call.number}"


def facts_of(user: Any, row: ApprovalRequest) -> dict[str, str]:
    """What may be the same in several requests: by label, the whole value."""
    call = row.call
    facts: dict[str, Any] = {
        _("Tool"): _("%(tool)s of %(agent)s") % {"tool": call.tool, "agent": row.context.agent},
        _("Effect"): EFFECTS[Effect(call.effect)],
        _("Risk"): str(RISKS[Risk(row.risk)].label),
        _("Asked for by"): row.requester_name or row.context.details.user_name,
        _("Why a person is asked"): row.why,
    }
    values, currencies = _arguments(user, row), currencies_of_call(row.context.agent, call)
    if isinstance(values, dict):
        facts |= {humanized(name): inline(value) for name, value in with_amounts(values, currencies).items()}
    return {label: str(value) for label, value in facts.items()}


def _arguments(user: Any, row: ApprovalRequest) -> Any:
    return arguments_of(row.call, sensitive=may_view_sensitive(user))


def compared(chosen: list[Chosen]) -> Compared:
    """What all have in common, and how they differ. Whole values are compared: what is shown of them is less."""
    labels = list(dict.fromkeys(label for each in chosen for label in each.facts))
    same = [label for label in labels if len({each.facts.get(label) for each in chosen}) == 1]
    differing = [label for label in labels if label not in same]
    columns = differing[:MOST_COLUMNS]
    cells = {label: _cells([each.facts.get(label, "–") for each in chosen]) for label in columns}
    return Compared(
        common=[(label, revealed(excerpt(chosen[0].facts[label], VALUE_LENGTH))) for label in same],
        columns=columns,
        more=differing[MOST_COLUMNS:],
        mine=[
            replace(each, differing=tuple((label, cells[label][place]) for label in columns))
            for place, each in enumerate(chosen)
        ],
    )


def _cells(values: list[str]) -> list[SafeString]:
    """These values; of a long one what begins shortly before it differs from the one most like it: else both would
    look the same."""
    ordered = sorted(set(values))
    alike = dict.fromkeys(ordered, 0)
    for one, other in pairwise(ordered):  # what is most like a text stands beside it, when they are in order
        length = _alike(one, other)
        alike[one], alike[other] = max(alike[one], length), length
    return [_from(value, alike[value] - BEFORE_IT_DIFFERS) for value in values]


def _from(value: str, begin: int) -> SafeString:
    if begin < VALUE_LENGTH // 2:
        return revealed(excerpt(value, VALUE_LENGTH))
    return revealed("…" + excerpt(value[begin:], VALUE_LENGTH))


def _alike(one: str, other: str) -> int:
    """How many characters of their beginnings are the same. Of a million characters about 20 comparisons."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low
