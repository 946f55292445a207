"""Notes which rows of registered models have changed, until a task has accepted them (`sources.keep_changed`).

A note is written by the transaction that saves or deletes the row, where that is in the same database: who commits has
noted. Where the rows are in another database the notes follow its commit at once; the command catches up with what was
lost if the process died just then.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import DatabaseError, connections, models, transaction
from django.db.models import F, Q
from django.db.models.signals import post_delete, post_save
from django.utils.translation import gettext

from agents_app.conf import conf
from agents_app.core.back_off import doubled
from agents_app.core.told import to_store
from agents_app.exceptions import AgentsError, InvalidInput
from agents_app.knowledge import hints
from agents_app.knowledge.models import SourceChange, SourceClaim
from agents_app.models import DatabaseNow, seconds_from_now

logger = logging.getLogger("agents_app.knowledge")

LEASE_SECONDS = 120.0
RENEWED_SECONDS = 20.0
RETRY_SECONDS, LONGEST_SECONDS = 60.0, 3600.0
"""Until a row that was not accepted is tried again, doubling."""
LOOK_SECONDS = 0.5


class Held(InvalidInput):
    """Somebody else is at this source, or has it now."""

    code = "source_held"


def due_changes(label: str) -> Any:
    """What of a source is to be accepted now, the oldest first."""
    return SourceChange.objects.filter(source=label, due_at__lte=DatabaseNow()).order_by("pk")


def sweep(labels: Sequence[str]) -> int:
    """Send a hint for each of these sources that has changes which nobody accepts. How many."""
    due = SourceChange.objects.filter(source__in=labels, due_at__lte=DatabaseNow()).order_by()
    held = SourceClaim.objects.filter(held_until__gt=DatabaseNow()).values("source")
    names = due.exclude(source__in=held).values_list("source", flat=True).distinct()
    return sum(hints.send(hints.KEEP, name) for name in sorted(names))


def forget(changes: Sequence[SourceChange]) -> None:
    """They have been accepted."""
    SourceChange.objects.filter(pk__in=[change.pk for change in changes]).delete()


def put_off(changes: Sequence[SourceChange], error: Exception) -> None:
    """Their row was not accepted: it is tried again later, and again, and says why until then."""
    message = error.message if isinstance(error, AgentsError) else f"{type(error).__name__}: {error}"
    text, values = to_store(message)
    logger.warning("%s was not accepted: %s", changes[0], message, exc_info=not isinstance(error, AgentsError))
    seconds = doubled(RETRY_SECONDS, changes[0].attempts, LONGEST_SECONDS)
    SourceChange.objects.filter(pk__in=[change.pk for change in changes]).update(
        due_at=seconds_from_now(seconds),
        attempts=F("attempts") + 1,
        error=text,
        error_values=values,
    )


# One at a time.


@dataclass(kw_only=True, slots=True)
class Holding:
    """A source taken for a while."""

    source: str
    number: int
    renewed: float = field(default_factory=time.monotonic)

    @property
    def rows(self) -> Any:
        """Its row, as long as it holds."""
        return SourceClaim.objects.filter(source=self.source, number=self.number)

    def renew(self) -> None:
        """Before each row is accepted. Raises Held if somebody else has it now."""
        if time.monotonic() - self.renewed < RENEWED_SECONDS:
            return
        if not self.rows.update(held_until=seconds_from_now(LEASE_SECONDS)):
            raise Held(_held(self.source))
        self.renewed = time.monotonic()


@contextmanager
def holding(label: str, seconds: float = 0.0) -> Iterator[Holding]:
    """Hold the source meanwhile. seconds: how long somebody else is waited for. Raises Held."""
    until = time.monotonic() + seconds
    while (claim := _claim(label)) is None:
        if time.monotonic() >= until:
            raise Held(_held(label))
        time.sleep(LOOK_SECONDS)
    try:
        yield claim
    finally:
        claim.rows.update(held_until=None)


def _claim(label: str) -> Holding | None:
    SourceClaim.objects.get_or_create(source=label)
    free = Q(held_until__isnull=True) | Q(held_until__lte=DatabaseNow())
    won = SourceClaim.objects.filter(free, source=label).update(
        number=F("number") + 1, held_until=seconds_from_now(LEASE_SECONDS)
    )
    if not won:
        return None
    return Holding(source=label, number=SourceClaim.objects.get(source=label).number)


def _held(label: str) -> str:
    return gettext("Another process is accepting the rows of %(source)s; try again in a minute.") % {"source": label}


# Signals.


def listen_to(model: type[models.Model]) -> None:
    """Note each row of this model that is saved or deleted."""
    post_save.connect(_saved, sender=model, dispatch_uid=f"agents_knowledge.{model._meta.label}.saved")
    post_delete.connect(_deleted, sender=model, dispatch_uid=f"agents_knowledge.{model._meta.label}.deleted")


def listen_no_more(model: type[models.Model]) -> None:
    """Not any more."""
    post_save.disconnect(sender=model, dispatch_uid=f"agents_knowledge.{model._meta.label}.saved")
    post_delete.disconnect(sender=model, dispatch_uid=f"agents_knowledge.{model._meta.label}.deleted")


@dataclass(kw_only=True, slots=True, eq=False)
class _Touched:
    """What a transaction has noted. Called after its commit. elsewhere: of another database, not written yet."""

    labels: dict[str, None] = field(default_factory=dict)
    elsewhere: dict[tuple[str, str], None] = field(default_factory=dict)
    told: bool = False

    def __call__(self) -> None:
        self.told = True
        if self.elsewhere:
            now = DatabaseNow()
            rows = [SourceChange(source=label, key=key, due_at=now) for label, key in self.elsewhere]
            SourceChange.objects.bulk_create(rows, batch_size=200)
        for label in self.labels:
            hints.send(hints.KEEP, label)


def _saved(sender: Any, instance: Any, using: str, raw: bool = False, **kwargs: Any) -> None:
    _note(sender._meta.label, str(instance.pk), using)


def _deleted(sender: Any, instance: Any, using: str, **kwargs: Any) -> None:
    _note(sender._meta.label, str(instance.pk), using)


def _note(label: str, key: str, using: str) -> None:
    touched = _touched(using)
    touched.labels[label] = None
    if using != conf.DATABASE:
        touched.elsewhere[label, key] = None
    else:
        try:
            with transaction.atomic(using=using):  # what fails here must not take the row with it
                SourceChange.objects.create(source=label, key=key, due_at=DatabaseNow())
        except DatabaseError:
            logger.exception("That %s %s has changed could not be noted", label, key)
            return
    if not touched.told and touched not in _hooks(using):
        transaction.on_commit(touched, using=using, robust=True)


def _touched(using: str) -> _Touched:
    """One for each transaction; what is rolled back takes its own with it."""
    found = (hook for hook in _hooks(using) if isinstance(hook, _Touched) and not hook.told)
    return next(found, None) or _Touched()


def _hooks(using: str) -> list[Any]:
    connection: Any = connections[using]
    return [each[1] for each in reversed(connection.run_on_commit)]
