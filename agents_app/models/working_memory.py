"""The small document that the runs of one session share, and the history of all that is remembered."""

from django.db import models
from django.utils.translation import gettext_lazy

from agents_app.core.memory import MemoryAct, MemoryKind
from agents_app.models.constraints import one_of
from agents_app.models.fields import uuid7
from agents_app.models.session import AgentSession


class WorkingMemory(models.Model):
    """What a session is in the midst of. It is written by an update that names the `version` it was made from."""

    session = models.OneToOneField(
        AgentSession, primary_key=True, on_delete=models.CASCADE, related_name="working_memory"
    )
    user_key = models.CharField(max_length=64, blank=True, db_index=True)
    user_name = models.CharField(max_length=200, blank=True)
    agent = models.CharField(max_length=100, blank=True, help_text="Whose run wrote it last.")
    document = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=1)
    origin = models.CharField(max_length=10)
    updated_at = models.DateTimeField()

    class Meta:
        verbose_name = gettext_lazy("working memory")
        verbose_name_plural = gettext_lazy("working memories")
        ordering = ["-updated_at"]

    def __str__(self) -> str:
        return f"working memory {self.pk}"


class MemoryChangeQuerySet(models.QuerySet["MemoryChange"]):
    """Append-only; rows go with the person whose memory it is."""

    def update(self, **kwargs: object) -> int:
        """Refused: it is a record."""
        raise TypeError("Changes of memory are append-only.")


class MemoryChange(models.Model):
    """One change of a fact, an entity or a working memory: who, when, by which step, and what it was before."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=10)
    row_key = models.UUIDField(help_text="Of the fact or entity; of the session for its working memory.")
    act = models.CharField(max_length=12)
    at = models.DateTimeField()
    user_key = models.CharField(max_length=64, blank=True)
    session_key = models.UUIDField(null=True, blank=True)
    by_key = models.CharField(max_length=64, blank=True)
    by_name = models.CharField(max_length=200, blank=True, help_text="The person who did it, if one did.")
    agent = models.CharField(max_length=100, blank=True)
    run_key = models.UUIDField(null=True, blank=True)
    step = models.PositiveIntegerField(null=True, blank=True)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    reason = models.TextField(blank=True)

    objects = MemoryChangeQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("change of memory")
        verbose_name_plural = gettext_lazy("changes of memory")
        ordering = ["-id"]
        constraints = [
            one_of("kind", MemoryKind, "agents_memory_change_kind"),
            one_of("act", MemoryAct, "agents_memory_change_act"),
        ]
        indexes = [
            models.Index(fields=["row_key", "-id"], name="agents_memory_change_row"),
            models.Index(fields=["user_key", "-id"], name="agents_memory_change_user"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.act}"

    def save(self, *args: object, **kwargs: object) -> None:
        """Insert. Raises TypeError for a change that is stored already."""
        if not self._state.adding:
            raise TypeError("Changes of memory are append-only.")
        super().save(*args, **kwargs)  # type: ignore[arg-type]
