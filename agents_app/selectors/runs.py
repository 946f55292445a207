"""Finding one thing, or saying that it is not there."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, PositiveBigIntegerField, QuerySet, UUIDField
from django.utils.translation import gettext

from agents_app.exceptions import NotFound
from agents_app.models import AgentContext, AgentEvent, Bound, Prepared, read_once

MOST_COUNTED = 10_000


def one_of(rows: "QuerySet[Any]", key: Any) -> Any:
    """The row with this primary key. Raises NotFound, also for a key that is none."""
    try:
        return rows.get(pk=UUID(str(key)))
    except (ValueError, rows.model.DoesNotExist) as error:
        noun = rows.model._meta.verbose_name
        raise NotFound(
            gettext("There is no %(noun)s %(key)s, or you may not see it.") % {"noun": noun, "key": key}
        ) from error


def is_id(key: Any) -> bool:
    """Whether this could be the id of a run."""
    try:
        UUID(str(key))
    except ValueError:
        return False
    return True


def events_after(run_id: UUID, after: int, limit: int = 500) -> list[AgentEvent]:
    """A run's events with a number above `after`, in order, from the writing database."""
    events = AgentEvent.objects.filter(context_id=run_id, sequence__gt=after).order_by("sequence")
    return list(events[:limit])


def news_after(run_id: UUID, after: int, limit: int) -> list[AgentEvent]:
    """The same for who is sent each event as it comes: compiled once, because the limit is always the same."""
    return _news(limit, run_id=run_id, after=after)


_news = Prepared(
    lambda limit: AgentEvent.objects.filter(
        context_id=Bound("run_id", UUIDField()), sequence__gt=Bound("after", PositiveBigIntegerField())
    ).order_by("sequence")[:limit]
)


def versions_of(run_ids: list[UUID]) -> dict[UUID, int]:
    """The number of the last event of each of these runs."""
    return dict(AgentContext.objects.filter(pk__in=run_ids).values_list("pk", "version"))


def at_most(rows: "QuerySet[Any]", limit: int) -> int:
    """How many of these rows there are, looking at no more than `limit`: counting a table takes longer as it grows."""
    return rows.order_by()[:limit].count()


def oldest_due() -> datetime | None:
    """Since when the run that has been due longest waits for a worker; None if none is due."""
    heads = read_once(AgentContext.objects.claimable().heads(1))
    return min((context.due_at for context in heads if context.due_at is not None), default=None)


def runs_about(subject: Model) -> "QuerySet[AgentContext]":
    """The runs about one of the team's own objects."""
    # By the key of the kind, not by a join: kinds are numbered in the team's database, which may be another one.
    kind = ContentType.objects.get_for_model(subject, for_concrete_model=False)
    about = AgentContext.objects.filter(details__subject_type_id=kind.pk, details__subject_id=str(subject.pk))
    return about.select_related("details")
