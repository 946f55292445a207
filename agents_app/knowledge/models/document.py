"""Documents: what was put into a collection, and how far it has been read."""

from enum import StrEnum

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from agents_app.knowledge.models.collection import Collection
from agents_app.knowledge.reasons import reason
from agents_app.models.constraints import one_of
from agents_app.models.fields import uuid7


class DocumentState(StrEnum):
    """How far a document's newest content is: accepted, being read, searchable, or it cannot be read."""

    WAITING = "waiting"
    READING = "reading"
    READY = "ready"
    FAILED = "failed"


class Document(models.Model):
    """One text to look things up in. Each new content is a new revision, which is read into chunks of its own.

    `version` is the revision whose chunks are found, 0 for none; it changes in one statement when all chunks of a later
    revision are there. A revision that cannot be read leaves the one before it in place. `reason` says why it cannot,
    and `noted` what was guessed, to each in their own language; what is stored is the text as it is translated, with
    its values.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="documents")
    key = models.CharField(max_length=500, help_text=gettext_lazy("What it is known by: a path, an address, a row."))
    title = models.CharField(max_length=500)
    source = models.CharField(max_length=200, blank=True, help_text=gettext_lazy("Where it came from."))
    mime = models.CharField(max_length=100)
    metadata = models.JSONField(default=dict, blank=True)
    file = models.FileField(max_length=500, blank=True)
    text = models.TextField(blank=True, help_text=gettext_lazy("The content, where it is a text and in no file."))
    size = models.PositiveBigIntegerField(default=0)
    digest = models.CharField(max_length=64, help_text=gettext_lazy("SHA-256 of the newest content."))

    revision = models.PositiveIntegerField(default=1)
    version = models.PositiveIntegerField(default=0)
    state = models.CharField(
        max_length=10,
        choices=[(each.value, each.value) for each in DocumentState],
        default=DocumentState.WAITING.value,
    )
    error_code = models.CharField(max_length=100, blank=True)
    error = models.TextField(blank=True)
    error_values = models.JSONField(default=dict, blank=True)
    note = models.TextField(blank=True)
    note_values = models.JSONField(null=True, blank=True)
    pages = models.PositiveIntegerField(null=True, blank=True)
    pages_read = models.PositiveIntegerField(default=0)
    chunk_count = models.PositiveIntegerField(default=0)

    due_at = models.DateTimeField(null=True, blank=True)
    claim_number = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)

    added_by_name = models.CharField(max_length=200, blank=True)
    added_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField()
    indexed_at = models.DateTimeField(null=True, blank=True)

    objects = models.Manager["Document"]()

    class Meta:
        verbose_name = gettext_lazy("document")
        verbose_name_plural = gettext_lazy("documents")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["collection", "key"], name="agents_k_document_key"),
            one_of("state", DocumentState, "agents_k_document_state"),
            models.CheckConstraint(condition=Q(version__lte=models.F("revision")), name="agents_k_document_version"),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="agents_k_document_due"),
            models.Index(fields=["collection", "state"], name="agents_k_document_states"),
        ]

    def __str__(self) -> str:
        return self.title or self.key

    @property
    def reason(self) -> str:
        """Why it cannot be read, in the language of who reads it now; empty if it can be."""
        return reason(self.error, self.error_values)

    @property
    def noted(self) -> str:
        """What was guessed or replaced when it was read, in the language of who reads it now; empty for nothing."""
        return " ".join(reason(sentence, self.note_values) for sentence in self.note.splitlines())
