"""Who is at the other end of a websocket: by the session of the project, or by a ticket."""

import ipaddress
from typing import Any
from urllib.parse import parse_qs

from agents_app.exceptions import NotPermitted
from agents_app.live.database import in_database
from agents_app.live.logins import active_user, read_again, session_of
from agents_app.live.tickets import redeem


async def who_is(scope: dict[str, Any]) -> Any:
    """The active user; None for nobody. A ticket in the address counts before the session."""
    ticket = parameter(scope, "ticket")
    if ticket is not None:
        try:
            return await in_database(active_user, redeem(ticket))
        except NotPermitted:
            return None
    user = scope.get("user")
    return user if user is not None and user.is_authenticated and user.is_active else None


async def who_is_still(scope: dict[str, Any], user: Any) -> Any:
    """The user as of now, with the permissions of now; None if the login is over."""
    return await in_database(_again, scope, user)


def _again(scope: dict[str, Any], user: Any) -> Any:
    session = None if parameter(scope, "ticket") is not None else session_of(user, scope.get("session"))
    return read_again(user, session)


def parameter(scope: dict[str, Any], name: str) -> str | None:
    """A parameter of the websocket's address; the last one counts."""
    values = parse_qs(scope["query_string"].decode("latin1"), keep_blank_values=True).get(name)
    return values[-1] if values else None


def address_of(scope: dict[str, Any]) -> str | None:
    """The client's address, if it has one."""
    try:
        return str(ipaddress.ip_address((scope.get("client") or [""])[0]))
    except ValueError:
        return None
