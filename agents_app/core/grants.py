"""The words for standing grants."""

from enum import StrEnum


class GrantScope(StrEnum):
    """In which runs it counts."""

    SESSION = "session"
    USER = "user"
    AGENT = "agent"


class GrantState(StrEnum):
    """How it stands."""

    LIVE = "live"
    USED_UP = "used_up"
    EXPIRED = "expired"
    REVOKED = "revoked"
