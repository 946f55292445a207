"""The text of the LLM's turn so far, where no channel carries it: one row per run, overwritten."""

from django.db import models
from django.utils.translation import gettext_lazy

from agents_app.models.context import AgentContext


class PartialReply(models.Model):
    """Not a part of the record: live doors read it, nobody else. `index` counts the pieces of the attempt."""

    context = models.OneToOneField(
        AgentContext,
        primary_key=True,
        on_delete=models.CASCADE,
        related_name="partial",
        verbose_name=gettext_lazy("run"),
    )
    step = models.PositiveIntegerField()
    attempt = models.PositiveIntegerField()
    index = models.PositiveIntegerField()
    text = models.TextField()

    class Meta:
        verbose_name = gettext_lazy("partial reply")
        verbose_name_plural = gettext_lazy("partial replies")

    def __str__(self) -> str:
        return f"step {self.step}"
