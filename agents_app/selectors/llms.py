"""What is known of the LLMs that have limits or have failed, and who may see it."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext
from pydantic import Field

from agents_app.exceptions import NotFound
from agents_app.models import DatabaseNow, LLMPlace, LLMState
from agents_app.selectors.shapes import Moment, Shape

VIEW_LLM = "agents_app.view_llmstate"
CLOSE_BREAKER = "agents_app.close_breaker"


class BreakerState(StrEnum):
    """How the circuit breaker of an LLM stands. Half open: the next call finds out whether it is up again."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class LLMShape(Shape):
    """An LLM that has limits, or has failed."""

    name: str
    breaker: BreakerState
    failures: int = Field(description="In a row, as long as its breaker counts them.")
    opened_at: Moment | None
    open_until: Moment | None = Field(description="Nobody asks it before then.")
    error_code: str | None = Field(description="Of its last failure.")
    error: str | None
    under_way: int = Field(description="Calls that count toward max_concurrent.")
    waiting: int = Field(description="Runs that wait for one of its places, or until it is up again.")


def may_view_llms(user: Any) -> bool:
    """Whether this person may see how the LLMs stand."""
    return bool(user.is_active and (user.has_perm(VIEW_LLM) or user.has_perm(CLOSE_BREAKER)))


def may_close_breakers(user: Any) -> bool:
    """Whether this person may let an LLM that is down be asked again."""
    return bool(user.is_active and user.has_perm(CLOSE_BREAKER))


def visible_llms(user: Any) -> "QuerySet[LLMState]":
    """Those that this person may know of, by name, each with the database's `now`."""
    rows = LLMState.objects.annotate(now=DatabaseNow()).order_by("name")
    return rows if may_view_llms(user) else rows.none()


def llm_named(rows: "QuerySet[LLMState]", name: str) -> LLMState:
    """The row of this name. Raises NotFound."""
    row = rows.filter(name=name[:200]).first() if "\x00" not in name else None
    if row is None:
        raise NotFound(gettext("There is no LLM of this name that has limits or has failed, or you may not see it."))
    return row


def breaker_of(row: LLMState) -> BreakerState:
    """How its breaker stands. The row comes from `visible_llms`."""
    if row.open_until is None:
        return BreakerState.CLOSED
    now: datetime = row.now  # type: ignore[attr-defined]  # annotated
    return BreakerState.OPEN if row.open_until > now else BreakerState.HALF_OPEN


def places_of(name: str) -> tuple[int, int]:
    """How many calls of this LLM are under way, and how many runs wait for a place."""
    places = LLMPlace.objects.filter(llm=name, until__gt=DatabaseNow())
    under_way = places.filter(claim_number__isnull=False).count()
    return under_way, places.filter(claim_number__isnull=True).count()


def llm_as_dict(row: LLMState) -> dict[str, Any]:
    """An LLM. The row comes from `visible_llms`."""
    under_way, waiting = places_of(row.name)
    shape = LLMShape(
        name=row.name,
        breaker=breaker_of(row),
        failures=row.failures,
        opened_at=row.opened_at,
        open_until=row.open_until,
        error_code=row.error_code or None,
        error=row.error or None,
        under_way=under_way,
        waiting=waiting,
    )
    return shape.model_dump(mode="json")
