"""How far an event handler has come with the events of one run."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy

from agents_app.models.clock import DatabaseNow
from agents_app.models.context import AgentContext
from agents_app.models.fields import uuid7

READY = Q(wanted__gt=F("sequence"), parked_at__isnull=True)
PARKED = Q(parked_at__isnull=False)


class CursorQuerySet(models.QuerySet["EventCursor"]):
    """Reads of cursors that say what they mean."""

    def ready(self) -> "CursorQuerySet":
        """There are events that the handler has not heard of, and it is not parked."""
        return self.filter(READY)

    def due(self) -> "CursorQuerySet":
        """Somebody should call the handler now."""
        return self.ready().filter(due_at__lte=DatabaseNow())

    def parked(self) -> "CursorQuerySet":
        """Given up until a person says so."""
        return self.filter(PARKED)


class EventCursor(models.Model):
    """Made in the transaction of the first event of the run that the handler wants to hear of.

    `sequence`: the handler has heard of all events up to this number. `wanted`: the newest one for it.
    `due_at`: not before; while a call lasts, when it may be made again. `claim_number` grows with each claim, and only
    the newest may write. `attempts`: tries of the next event, counted before each.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    context = models.ForeignKey(
        AgentContext, on_delete=models.CASCADE, related_name="cursors", verbose_name=gettext_lazy("run"), db_index=False
    )
    handler = models.CharField(max_length=200)
    sequence = models.PositiveBigIntegerField(default=0)
    wanted = models.PositiveBigIntegerField()
    due_at = models.DateTimeField()
    claim_number = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    parked_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True, help_text="What the last try came to.")
    hints = models.PositiveSmallIntegerField(default=0, help_text="Wake-ups sent by the sweep since it became due.")
    hinted_at = models.DateTimeField(null=True, blank=True)

    objects = CursorQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("event handler")  # what it shows in the admin
        verbose_name_plural = gettext_lazy("event handlers")
        ordering = ["-id"]
        permissions = [("control_eventcursor", "Can let parked event handlers go on")]
        indexes = [
            models.Index(fields=["handler", "due_at"], condition=READY, name="agents_cursor_ready"),
            models.Index(fields=["handler", "-id"], condition=PARKED, name="agents_cursor_parked"),
        ]
        constraints = [models.UniqueConstraint(fields=["context", "handler"], name="agents_cursor_one")]

    def __str__(self) -> str:
        return f"{self.handler} {self.context_id}"
