"""How far the hash chains of runs had come: once a day, so that a run that is removed later shows."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy

from agents_app.core.chain import seal_of
from agents_app.models.audited import moment_text

NO_LINK = "-"
"""In the place of the link of an event that has none."""


class AuditAnchorQuerySet(models.QuerySet["AuditAnchor"]):
    """Append-only."""

    def update(self, **kwargs: object) -> int:
        """Refused: anchors are a record."""
        raise TypeError("Anchors are append-only.")

    def delete(self) -> tuple[int, dict[str, int]]:
        """Refused: anchors are a record."""
        raise TypeError("Anchors are append-only.")


@dataclass(frozen=True, kw_only=True, slots=True)
class AnchoredRun:
    """What an anchor says of one run: its event of this number had this link."""

    run: UUID
    sequence: int
    link: str


class AuditAnchor(models.Model):
    """One anchor: a line for each run that had grown since the one before. Its seal covers all of it and that one's
    seal, so that none can be changed, and none but the newest left out, without it showing.

    Events up to the id `looked_to` were looked at. The next anchor begins after `settled_to`, which lies a while back:
    what was being written meanwhile is looked at again. `complete`: it had come to the end of all events.
    """

    number = models.PositiveBigIntegerField(primary_key=True)
    made_at = models.DateTimeField()
    lines = models.TextField(blank=True, help_text="A run, the number of its last event, and that event's link.")
    runs = models.PositiveIntegerField(default=0)
    looked_to = models.PositiveBigIntegerField(default=0)
    settled_to = models.PositiveBigIntegerField(default=0)
    complete = models.BooleanField(default=True)
    before = models.CharField(max_length=43, blank=True, help_text="The seal of the anchor before it.")
    seal = models.CharField(max_length=43)

    objects = AuditAnchorQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("audit anchor")
        verbose_name_plural = gettext_lazy("audit anchors")
        ordering = ["-number"]
        permissions = [("export_audit", "Can export decisions, and see anchors")]

    def __str__(self) -> str:
        return f"{self.number} of {self.made_at:%Y-%m-%d}"

    def save(self, *args: object, **kwargs: object) -> None:
        """Insert. Raises TypeError for an anchor that is stored already."""
        if not self._state.adding:
            raise TypeError("Anchors are append-only.")
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    def delete(self, *args: object, **kwargs: object) -> tuple[int, dict[str, int]]:
        """Refused: anchors are a record."""
        raise TypeError("Anchors are append-only.")

    def sealed(self) -> str:
        """The seal that it must have."""
        marks = (self.runs, self.looked_to, self.settled_to, self.complete)
        return seal_of(self.before, number=self.number, at=moment_text(self.made_at), lines=self.lines, marks=marks)

    def anchored(self) -> Iterator[AnchoredRun]:
        """What it says, run by run."""
        for line in self.lines.splitlines():
            run, sequence, link = line.split(" ")
            yield AnchoredRun(run=UUID(run), sequence=int(sequence), link="" if link == NO_LINK else link)


def lines_of(runs: dict[UUID, tuple[int, str | None]]) -> str:
    """The lines of an anchor, from each run's event and its link."""
    return "\n".join(f"{run} {sequence} {link or NO_LINK}" for run, (sequence, link) in sorted(runs.items()))
