"""An immutable fact about a run."""

from django.db import models
from django.utils.translation import gettext_lazy

from agents_app.core.events import EventType
from agents_app.models.constraints import one_of
from agents_app.models.context import AgentContext


class EventQuerySet(models.QuerySet["AgentEvent"]):
    """Append-only."""

    def update(self, **kwargs: object) -> int:
        """Refused: events are a record."""
        raise TypeError("Events are append-only.")

    def delete(self) -> tuple[int, dict[str, int]]:
        """Refused: events are a record; they go with their run only."""
        raise TypeError("Events are append-only.")


class AgentEvent(models.Model):
    """Numbered within its run without gaps. `id` is no cursor: a global number skips events that commit late."""

    id = models.BigAutoField(primary_key=True)
    context = models.ForeignKey(
        AgentContext, on_delete=models.CASCADE, related_name="events", verbose_name=gettext_lazy("run"), db_index=False
    )
    sequence = models.PositiveBigIntegerField()
    type = models.CharField(max_length=40)
    at = models.DateTimeField()
    data = models.JSONField(default=dict)
    link = models.CharField(  # noqa: DJ001  null: written by a release that made no chain
        max_length=43, null=True, blank=True, help_text="Of the run's hash chain."
    )
    bound = models.JSONField(null=True, blank=True, help_text="The rows that the link covers, as digests.")
    digest = models.CharField(  # noqa: DJ001  null: what it says is what it said
        max_length=43, null=True, blank=True, help_text="Of what it said before a person was erased from it."
    )

    objects = EventQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("event")
        verbose_name_plural = gettext_lazy("events")
        ordering = ["context", "sequence"]
        constraints = [
            models.UniqueConstraint(fields=["context", "sequence"], name="agents_event_sequence"),
            one_of("type", EventType, "agents_event_type"),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.type}"

    def save(self, *args: object, **kwargs: object) -> None:
        """Insert. Raises TypeError for an event that is stored already."""
        if not self._state.adding:
            raise TypeError("Events are append-only.")
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    def delete(self, *args: object, **kwargs: object) -> tuple[int, dict[str, int]]:
        """Refused: events are a record; they go with their run only."""
        raise TypeError("Events are append-only.")
