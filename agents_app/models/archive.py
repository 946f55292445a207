"""Where runs go that were moved out of the database, and what of each stays here."""

from enum import StrEnum

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from agents_app.core.archive_lines import FORMAT
from agents_app.core.status import ENDED, RunStatus
from agents_app.models.constraints import one_of
from agents_app.models.fields import UserForeignKey, uuid7
from agents_app.models.session import AgentSession


class ArchiveState(StrEnum):
    """`writing`: its file is being made, and nothing relies on it. `doomed`: its file is to be deleted."""

    WRITING = "writing"
    COMPLETE = "complete"
    DOOMED = "doomed"


class Archive(models.Model):
    """One file of archived runs. The row is there before the file, and goes after it: no file is ever forgotten."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=300, unique=True, help_text="Of the file in the storage.")
    state = models.CharField(max_length=12, default=ArchiveState.WRITING)
    created_at = models.DateTimeField()
    format = models.PositiveSmallIntegerField(default=FORMAT)
    sha256 = models.CharField(max_length=64, blank=True, help_text="Of the compressed file.")
    size = models.PositiveBigIntegerField(default=0, help_text="Bytes of the compressed file.")
    runs = models.PositiveIntegerField(default=0)
    keys = models.JSONField(default=list, help_text="Names of the keys that sealed what is sensitive in it.")

    class Meta:
        verbose_name = gettext_lazy("archive")
        verbose_name_plural = gettext_lazy("archives")
        ordering = ["-id"]
        constraints = [one_of("state", ArchiveState, "agents_archive_state")]
        indexes = [
            models.Index(fields=["state"], condition=~Q(state=ArchiveState.COMPLETE), name="agents_archive_unfinished")
        ]

    def __str__(self) -> str:
        return self.name


class ArchivedRun(models.Model):
    """What stays of a run: enough to say that it was, to find its archive, and not to start it a second time."""

    id = models.UUIDField(primary_key=True, editable=False, help_text="The run's id.")
    archive = models.ForeignKey(Archive, on_delete=models.PROTECT, related_name="entries")
    agent = models.CharField(max_length=100)
    user = UserForeignKey(related_name="archived_agent_runs")
    user_name = models.CharField(max_length=200, blank=True)
    session = models.ForeignKey(
        AgentSession, null=True, blank=True, on_delete=models.PROTECT, related_name="archived_runs"
    )
    status = models.CharField(max_length=24)
    version = models.PositiveBigIntegerField()
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    archived_at = models.DateTimeField()
    hidden_at = models.DateTimeField(null=True, blank=True)
    erased_at = models.DateTimeField(null=True, blank=True)
    chain_head = models.CharField(max_length=43, null=True, blank=True)  # noqa: DJ001  null: it has no hash chain
    idempotency_key = models.CharField(max_length=300, null=True, blank=True, unique=True)
    fingerprint = models.CharField(max_length=64, blank=True, help_text="Of what was started with the idempotency key.")

    class Meta:
        verbose_name = gettext_lazy("archived run")
        verbose_name_plural = gettext_lazy("archived runs")
        ordering = ["-id"]
        constraints = [one_of("status", sorted(ENDED), "agents_archived_status")]
        indexes = [models.Index(fields=["user", "-id"], name="agents_archived_user")]

    def __str__(self) -> str:
        return f"{self.agent} {self.pk}"

    @property
    def ended_as(self) -> RunStatus:
        """How it ended."""
        return RunStatus(self.status)
