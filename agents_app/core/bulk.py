"""What is said to many approval requests at once, and what came of each."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

MOST_AT_ONCE = 100
"""Requests that are decided at once."""


class BulkVerdict(StrEnum):
    """What is said to all of them."""

    APPROVE = "approve"
    REJECT = "reject"
    SEND_BACK = "send_back"


class Outcome(StrEnum):
    """What came of one of them. `endorsed`: others still have to say yes. `lost`: somebody else was faster."""

    DECIDED = "decided"
    ENDORSED = "endorsed"
    REFUSED = "refused"
    LOST = "lost"
    CHANGED = "changed"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """One request, with the digest of its arguments as they were shown."""

    request_id: str
    digest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What came of one request; code, message and details are those of the error, if there was one."""

    request_id: str
    outcome: Outcome
    status: str = ""
    code: str = ""
    message: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        """Whether this person's word counts."""
        return self.outcome in (Outcome.DECIDED, Outcome.ENDORSED)
