"""Links: to a request's page, and the signed one that decides.

The signed link names a notification: its request, its reader and the arguments that were told of. It is good for a
while, for as long as the reader has the same address and password, and once.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.signing import BadSignature, SignatureExpired, TimestampSigner
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext

from agents_app.conf import conf
from agents_app.exceptions import Expired, InvalidLink
from agents_app.models import ApprovalRequest, Notification, ToolCall

SALT = "agents_app.decide_by_link"
MARK_LENGTH = 32
MOST_CHARACTERS = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Sealed:
    """What a link says. digest: of the arguments that its reader was told of. mark: see `mark_of`."""

    notification_id: UUID
    digest: str
    mark: str


def site(path: str) -> str:
    """A path on this site as a full address; empty without SITE_URL."""
    return f"{conf.SITE_URL.rstrip('/')}{path}" if conf.SITE_URL and path else ""


def request_url(request: ApprovalRequest) -> str:
    """Where people open a request; empty where the settings say no place."""
    if conf.REQUEST_URL:
        return str(conf.REQUEST_URL).replace("{id}", str(request.pk))
    return site(_path("admin:agents_app_approvalrequest_change", request.pk))


def call_url(call: ToolCall) -> str:
    """Where people say what became of a call; empty without an admin."""
    return site(_path("admin:agents_app_toolcall_change", call.pk))


def preferences_url() -> str:
    """Where people say when they want to be told; empty without an admin."""
    return site(_path("admin:agents_app_notificationpreference_changelist"))


def decide_path(token: str) -> str:
    """The page of the link; empty where `agents_app.links.urls` is not included."""
    return _path("agents_app_links:decide", token)


def decide_url(notification: Notification, user: Any, digest: str) -> str:
    """The signed link of this notification for this user; empty where there is no page for it."""
    text = f"{notification.pk.hex}.{digest}.{mark_of(user)}"
    return site(decide_path(_signer().sign(text)))


def open_link(token: str) -> Sealed:
    """What a link says that we signed. Raises InvalidLink, and Expired if it is too old."""
    if len(token) > MOST_CHARACTERS:
        raise InvalidLink()
    try:
        text = _signer().unsign(token, max_age=timedelta(seconds=conf.LINK_SECONDS))
    except SignatureExpired:
        raise Expired(gettext("This link is too old. Open the request on the site.")) from None
    except BadSignature:
        raise InvalidLink() from None
    notification, digest, mark = text.split(".")
    return Sealed(notification_id=UUID(hex=notification), digest=digest, mark=mark)


def mark_of(user: Any) -> str:
    """Changes with the person's password and e-mail address: whoever had the old ones cannot decide any more."""
    secret = user.get_session_auth_hash() if hasattr(user, "get_session_auth_hash") else ""
    address = getattr(user, user.get_email_field_name(), "") if hasattr(user, "get_email_field_name") else ""
    return hashlib.sha256(f"{user.pk}\n{secret}\n{address}".encode()).hexdigest()[:MARK_LENGTH]


def _signer() -> TimestampSigner:
    return TimestampSigner(salt=SALT)


def _path(name: str, *args: Any) -> str:
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""
