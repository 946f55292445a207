"""Chunks: the passages that are found, and their vectors."""

from typing import Any

from django.db import models
from django.db.models import F
from django.utils.translation import gettext_lazy

from agents_app.knowledge.models.collection import Collection
from agents_app.knowledge.models.document import Document


class ChunkQuerySet(models.QuerySet["Chunk"]):
    """Reads of chunks that say what they mean."""

    def current(self) -> "ChunkQuerySet":
        """Those that may be found: of the version that their document names."""
        return self.filter(version=F("document__version"))


class Chunk(models.Model):
    """A passage of one version of a document. Rows are written and deleted, never changed."""

    id: Any = models.BigAutoField(primary_key=True)
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="chunks", db_index=False)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="+")
    version = models.PositiveIntegerField()
    number = models.PositiveIntegerField(help_text=gettext_lazy("Counts from 1 in its version."))
    text = models.TextField()
    heading = models.TextField(blank=True, help_text=gettext_lazy("The document's title and the headings above it."))
    page = models.PositiveIntegerField(null=True, help_text=gettext_lazy("Of a PDF, from 1."))
    start = models.PositiveIntegerField(help_text=gettext_lazy("Its first character, in the page or the whole text."))
    end = models.PositiveIntegerField()
    digest = models.CharField(max_length=64, help_text=gettext_lazy("SHA-256 of the text that is embedded."))
    metadata = models.JSONField(default=dict, blank=True)

    objects = ChunkQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("chunk")
        verbose_name_plural = gettext_lazy("chunks")
        ordering = ["document", "version", "number"]
        constraints = [
            models.UniqueConstraint(fields=["document", "version", "number"], name="agents_k_chunk_number"),
        ]
        indexes = [models.Index(fields=["digest"], name="agents_k_chunk_digest")]

    def __str__(self) -> str:
        return f"{self.heading} #{self.number}"

    @property
    def embedded_text(self) -> str:
        """What a vector is made of: the headings give a passage its context."""
        return f"{self.heading}\n\n{self.text}" if self.heading else self.text


class ChunkVector(models.Model):
    """The vector that one embedder made of a chunk. A collection names the embedder whose vectors are searched, so that
    those of the next one can be filled in beside them."""

    id: Any = models.BigAutoField(primary_key=True)
    chunk = models.ForeignKey(Chunk, on_delete=models.CASCADE, related_name="vectors", db_index=False)
    embedder = models.CharField(max_length=200)
    dimension = models.PositiveIntegerField()
    vector = models.BinaryField(help_text=gettext_lazy("Packed little-endian float32, of length 1."))

    objects = models.Manager["ChunkVector"]()

    class Meta:
        verbose_name = gettext_lazy("vector")
        verbose_name_plural = gettext_lazy("vectors")
        constraints = [
            models.UniqueConstraint(fields=["chunk", "embedder"], name="agents_k_vector"),
        ]

    def __str__(self) -> str:
        return f"{self.embedder} of chunk {self.chunk_id}"
