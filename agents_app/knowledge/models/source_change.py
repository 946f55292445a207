"""What has changed in rows of registered models, until it has been accepted."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy

from agents_app.knowledge.reasons import reason


class SourceChange(models.Model):
    """A row that was saved or deleted. Written by the transaction that did it, so that it is not lost between that
    commit and the task that accepts it; deleted when it has been."""

    id: Any = models.BigAutoField(primary_key=True)
    source = models.CharField(max_length=200, help_text=gettext_lazy("Of the model: app.Model."))
    key = models.CharField(max_length=255, help_text=gettext_lazy("The row's primary key."))
    due_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    error_values = models.JSONField(null=True, blank=True)

    objects = models.Manager["SourceChange"]()

    class Meta:
        verbose_name = gettext_lazy("changed row")
        verbose_name_plural = gettext_lazy("changed rows")
        ordering = ["id"]
        indexes = [models.Index(fields=["source", "due_at"], name="agents_k_source_due")]

    def __str__(self) -> str:
        return f"{self.source} {self.key}"

    @property
    def reason(self) -> str:
        """Why it was not accepted, in the language of who reads it now; empty if nobody has tried."""
        return reason(self.error, self.error_values)


class SourceClaim(models.Model):
    """Who accepts the rows of a source: one at a time, else an older content could take the place of a newer one."""

    source = models.CharField(max_length=200, primary_key=True)
    number = models.PositiveIntegerField(default=0)
    held_until = models.DateTimeField(null=True, blank=True)

    objects = models.Manager["SourceClaim"]()

    class Meta:
        verbose_name = gettext_lazy("claim of a source")
        verbose_name_plural = gettext_lazy("claims of sources")

    def __str__(self) -> str:
        return self.source
