"""The page of a link. Opening it changes nothing: mail scanners and previews follow links. Only its form decides."""

import json
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_deny
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods

from agents_app.core.deceptive import spelled_out
from agents_app.core.labels import humanized
from agents_app.core.status import ApprovalStatus
from agents_app.exceptions import AgentsError, InvalidInput
from agents_app.models import ApprovalRequest
from agents_app.selectors.transcript import arguments_of
from agents_app.services import LinkedRequest, Origin, decide_by_link, read_link
from agents_app.services.amounts import currencies_of_call, with_amounts
from agents_app.services.links import page_of
from agents_app.services.switches import switches_about

SHOWN_CHARACTERS = 2_000
"""Of one argument."""


@login_not_required
@never_cache
@xframe_options_deny
@csrf_protect
@sensitive_variables("token")
@require_http_methods(["GET", "HEAD", "POST"])
def decide(request: HttpRequest, token: str) -> HttpResponse:
    """GET and HEAD show what would be decided; POST decides."""
    try:
        linked = read_link(token, visitor=getattr(request, "user", None))
        if request.method != "POST":
            return _page(request, linked)
        return _decided(request, token, linked)
    except AgentsError as error:
        return _answer(request, error)


# Commands have their own transactions, also where ATOMIC_REQUESTS is on.
for _alias in connections:
    decide = transaction.non_atomic_requests(using=_alias)(decide)


def _decided(request: HttpRequest, token: str, linked: LinkedRequest) -> HttpResponse:
    verdict, reason = request.POST.get("verdict", ""), request.POST.get("reason", "")
    if verdict not in ("approve", "reject"):
        return _page(request, linked, failure=gettext("Say whether you approve or reject it."), status=400)
    try:
        decided = decide_by_link(
            token,
            approved=verdict == "approve",
            reason=reason,
            visitor=getattr(request, "user", None),
            origin=Origin.of_request("link", request),
        )
    except InvalidInput as error:
        return _page(request, linked, failure=gettext(error.message), reason=reason, status=400)
    said = _said(decided)
    return _render(request, "agents_app/links/answer.html", {"title": said, "good": True, "linked": linked})


def _said(decided: ApprovalRequest) -> str:
    """What came of it."""
    if decided.status == ApprovalStatus.PENDING:
        return gettext("You approved it. It still waits for somebody else's yes.")
    if decided.status == ApprovalStatus.APPROVED:
        return gettext("You approved it. The agent goes on.")
    return gettext("You rejected it. It will not be done, and the agent reads why.")


def _page(
    request: HttpRequest, linked: LinkedRequest, *, failure: str = "", reason: str = "", status: int = 200
) -> HttpResponse:
    shown = {
        "linked": linked,
        "approval": linked.request,
        "what": spelled_out(linked.request.summary or linked.request.call.tool),
        "why": spelled_out(linked.request.why),
        "arguments": _arguments(linked),
        "switches": switches_about(linked.user, linked.request.context.agent, linked.request.call.tool),
        "page_url": page_of(linked),
        "failure": failure,
        "reason": reason,
    }
    return _render(request, "agents_app/links/decide.html", shown, status)


def _arguments(linked: LinkedRequest) -> list[tuple[str, str]]:
    """What the call would be made with. Sensitive values stay hidden: nobody has logged in."""
    call = linked.request.call
    values = arguments_of(call, sensitive=False)
    shown = with_amounts(values, currencies_of_call(linked.request.context.agent, call))
    pairs = shown.items() if isinstance(shown, dict) else [("", shown)]
    return [(spelled_out(humanized(name)), _shown(value)) for name, value in pairs]


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
    if len(text) <= SHOWN_CHARACTERS:
        return spelled_out(text)
    cut = gettext("… [this is the beginning; it has %(count)s characters]") % {"count": len(text)}
    return f"{spelled_out(text[:SHOWN_CHARACTERS])}{cut}"


def _answer(request: HttpRequest, error: AgentsError) -> HttpResponse:
    return _render(
        request,
        "agents_app/links/answer.html",
        {"title": gettext(error.message), "code": error.code},
        error.http_status,
    )


def _render(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    response = render(request, template, context, status=status)
    # The address is a secret: no other site is told where somebody came from, and no machine keeps it.
    response["Referrer-Policy"] = "same-origin"
    response["X-Robots-Tag"] = "noindex"
    return response
