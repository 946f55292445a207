"""Who does something, and through which door."""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from django.utils.translation import gettext

from agents_app.exceptions import InvalidInput
from agents_app.selectors.people import name_of, user_named


class System:
    """The operator of this installation: no person, may do everything that needs no person's judgement."""

    is_active = True
    is_authenticated = True
    pk = None

    def get_username(self) -> str:
        """How records name it."""
        return "system"

    def has_perm(self, permission: str, obj: object = None) -> bool:
        """Always."""
        return True


SYSTEM = System()


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """The door that a command came through (admin, rest, websocket, command, code), and the address behind it."""

    door: str = "code"
    address: str | None = None

    @classmethod
    def of_request(cls, door: str, request: Any) -> "Origin":
        """Of an HTTP request: the address that the server saw. Behind a Unix socket there is none."""
        try:
            return cls(door=door, address=str(ip_address(request.META.get("REMOTE_ADDR", ""))))
        except ValueError:
            return cls(door=door)


CODE = Origin()


def recorded(by: Any) -> dict[str, Any]:
    """How rows keep a person: the reference (none for the system), and the name at this time."""
    return {"user": None if by is None or isinstance(by, System) else by, "user_name": name_of(by)}


def the_person(who: Any) -> Any:
    """Who is meant: a person, or the name of one, as doors are told. Raises InvalidInput if there is no such."""
    found = user_named(who) if isinstance(who, str) else who
    if found is None:
        raise InvalidInput(gettext("There is no user “%(name)s”.") % {"name": who}, code="unknown_user")
    return found
