"""Tickets: a short-lived, signed proof of login for a websocket, where cookies do not reach."""

from datetime import timedelta
from typing import Any

from django.core import signing

from agents_app.conf import conf
from agents_app.exceptions import NotPermitted

SALT = "agents_app.live.ticket"


def issue_ticket(user: Any) -> str:
    """A ticket for this user, good for AGENTS_APP["TICKET_SECONDS"]: `?ticket=…` in the address of the websocket."""
    return signing.dumps(str(user.pk), salt=SALT)


def redeem(ticket: str) -> str:
    """The primary key of the ticket's user, as text. Raises NotPermitted for a ticket that is forged or too old."""
    try:
        pk = signing.loads(ticket, salt=SALT, max_age=timedelta(seconds=conf.TICKET_SECONDS))
    except signing.SignatureExpired:
        raise NotPermitted("This ticket is too old; ask for a new one.", code="ticket_expired") from None
    except signing.BadSignature:
        raise NotPermitted("This is not a ticket of ours.", code="invalid_ticket") from None
    return str(pk)
