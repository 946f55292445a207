"""The door of the signed link: what it shows, and the one decision that it may lead to.

It goes through the same commands as every other door. Whoever holds the link acts as its addressee, who is asked for
no login; that is why a tool must allow it, and why all that may have changed since is looked at again.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils.crypto import constant_time_compare
from django.utils.formats import date_format
from django.utils.timezone import is_aware, localtime
from django.utils.translation import gettext

from agents_app.conf import conf
from agents_app.core.status import ApprovalStatus
from agents_app.exceptions import Expired, InvalidLink, LinkUsed, NotFound, NotPermitted, StaleDigest, WrongState
from agents_app.gate.approvers import may_decide
from agents_app.models import ApprovalRequest, DatabaseNow, Notification, database_now
from agents_app.notify.compose import may_decide_by_link
from agents_app.notify.links import Sealed, mark_of, open_link, request_url
from agents_app.selectors.people import visible_approvals
from agents_app.selectors.runs import one_of
from agents_app.services.approvals import approve, reject
from agents_app.services.principals import Origin


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkedRequest:
    """What a valid link is about: a request that its addressee may decide now. digest: of what they were told."""

    notification: Notification
    request: ApprovalRequest
    user: Any
    digest: str


def read_link(token: str, *, visitor: Any = None) -> LinkedRequest:
    """What the link is about. Changes nothing. visitor: who is logged in at this browser, if anybody is.

    Raises InvalidLink, Expired, LinkUsed, NotPermitted, NotFound, StaleDigest, WrongState.
    """
    sealed = open_link(token)
    row = Notification.objects.select_related("request").filter(pk=sealed.notification_id).first()
    if row is None or row.request is None:
        raise NotFound(gettext("What this link is about is not here any more."))
    user = _addressee(row, sealed)
    if visitor is not None and visitor.is_authenticated and visitor.pk != user.pk:
        text = gettext("This link is for somebody else, not for you. It was not used.")
        raise NotPermitted(text, rule="addressee")
    if row.link_used_at is not None:
        raise LinkUsed(_used(row.request, user))
    request: ApprovalRequest = one_of(visible_approvals(user), row.request_id)
    _check(request, user, sealed)
    return LinkedRequest(notification=row, request=request, user=user, digest=sealed.digest)


def decide_by_link(
    token: str, *, approved: bool, reason: str = "", visitor: Any = None, origin: Origin
) -> ApprovalRequest:
    """Decide as the link's addressee, once. Raises as `read_link` does, and as `approve` and `reject` do."""
    linked = read_link(token, visitor=visitor)
    given: dict[str, Any] = {"by": linked.user, "digest": linked.digest, "reason": reason, "origin": origin}
    with transaction.atomic(using=conf.DATABASE):
        # The command first: it locks the run's row, as all others do before anything else.
        decided = (approve if approved else reject)(linked.request.pk, **given)
        unused = Notification.objects.filter(pk=linked.notification.pk, link_used_at__isnull=True)
        if not unused.update(link_used_at=DatabaseNow()):
            raise LinkUsed()
    return decided


def page_of(linked: LinkedRequest) -> str:
    """Where the same request is opened on the site; empty where the settings say no place."""
    return request_url(linked.request)


def _addressee(row: Notification, sealed: Sealed) -> Any:
    user = get_user_model()._default_manager.filter(pk=row.to).first() if row.to else None
    if user is None or not constant_time_compare(mark_of(user), sealed.mark):
        # The same where they are gone, and where their password or address is another one now.
        raise InvalidLink(gettext("This link is no longer valid. Log in and open the request there."))
    return user


def _check(request: ApprovalRequest, user: Any, sealed: Sealed) -> None:
    if not may_decide_by_link(request):
        text = gettext("Decisions on this tool are not made by links any more. Log in and open the request there.")
        raise NotPermitted(text, rule="decide_by_link")
    permission = may_decide(user, request)
    if not permission.allowed:
        raise NotPermitted(permission.reason, rule=permission.rule)
    if request.status != ApprovalStatus.PENDING:
        raise WrongState(_closed(request), code="not_pending")
    if request.expires_at is not None and request.expires_at <= database_now():
        raise Expired()
    if request.call.digest != sealed.digest:
        raise StaleDigest(
            gettext("The arguments have changed since you were told. Open the request on the site and look anew.")
        )


def _used(request: ApprovalRequest, user: Any) -> str:
    made = request.decisions.filter(user_id=user.pk).order_by("-pk").first()
    if made is None:
        return LinkUsed().message
    said = {"verdict": gettext(made.verdict), "at": _moment(made.decided_at)}
    return gettext("You used this link before: at %(at)s you %(verdict)s this.") % said


def _closed(request: ApprovalRequest) -> str:
    made = request.decisions.filter(verdict__in=("approved", "rejected", "sent_back")).order_by("-pk").first()
    if made is None:
        return gettext("Nothing is left to decide: this request is %(status)s.") % {"status": gettext(request.status)}
    said = {"who": made.user_name, "verdict": gettext(made.verdict), "at": _moment(made.decided_at)}
    return gettext("Nothing is left to decide: at %(at)s %(who)s %(verdict)s this.") % said


def _moment(moment: datetime) -> str:
    return date_format(localtime(moment) if is_aware(moment) else moment, "DATETIME_FORMAT")
