"""Pieces of text where no channel carries them: one row per run, overwritten. Used by the publisher's thread."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connections

from agents_app.conf import conf
from agents_app.live.news import Changed, Delta
from agents_app.models import PartialReply

RUNS = 200
CHARACTERS = 50_000
BUSY_MILLISECONDS = 200
_VALUES = ("step", "attempt", "index", "text")


@dataclass(slots=True)
class _Text:
    step: int
    attempt: int
    pieces: int
    text: str


class Partials:
    """Writes the text so far of each run that this process drives, and removes it when the run has moved on."""

    def __init__(self) -> None:
        self._texts: OrderedDict[UUID, _Text] = OrderedDict()

    def send(self, news: Sequence[Changed | Delta]) -> bool:
        """Write the rows. A change needs no telling here: readers look by themselves."""
        grown = [one.run_id for one in news if isinstance(one, Delta) and self._add(one)]
        moved = [one.run_id for one in news if isinstance(one, Changed) and self._forget(one.run_id)]
        connection = connections[conf.DATABASE]
        if not (grown or moved) or _private(connection):
            return True
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:  # late is worse than never: others wait for this writer too
                cursor.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        self._write([run_id for run_id in dict.fromkeys(grown) if run_id in self._texts])
        if moved:
            PartialReply.objects.using(conf.DATABASE).filter(pk__in=moved).delete()
        return True

    def close(self) -> None:
        """Let go of this thread's connection."""
        connections[conf.DATABASE].close()

    def _forget(self, run_id: UUID) -> bool:
        return self._texts.pop(run_id, default=None) is not None

    def _add(self, delta: Delta) -> bool:
        known = self._texts.get(delta.run_id)
        if known is None or (known.step, known.attempt) != (delta.step, delta.attempt):
            known = _Text(delta.step, delta.attempt, 0, "")
            self._texts[delta.run_id] = known
            while len(self._texts) > RUNS:
                self._texts.popitem(last=False)
        if delta.index != len(known.text) or len(known.text) + len(delta.text) > CHARACTERS:
            return False  # something before it was dropped
        known.text += delta.text
        known.pieces += 1
        return True

    def _write(self, run_ids: list[UUID]) -> None:
        for run_id in run_ids:
            text = self._texts[run_id]
            row = PartialReply(
                context_id=run_id, step=text.step, attempt=text.attempt, index=text.pieces, text=text.text
            )
            PartialReply.objects.using(conf.DATABASE).bulk_create(
                [row], update_conflicts=True, unique_fields=["context"], update_fields=_VALUES
            )


def _private(connection: object) -> bool:
    """A database in memory belongs to its process (or its thread): there is nobody to write for."""
    return bool(getattr(connection, "is_in_memory_db", bool)())
