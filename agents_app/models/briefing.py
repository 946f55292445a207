"""What a run's LLM was told beyond the run's own transcript."""

from django.db import models
from django.utils.translation import gettext_lazy

from agents_app.models.context import AgentContext


class RunBriefing(models.Model):
    """Written once, with what came of the run's first turn; each request of the run is built from it, in any worker.

    `content` is {"v": 1, "sections": [{"kind", "title", "text", "origin", "untrusted", "refs"}], "earlier": [messages],
    "tokens"}: see `core.briefing`.
    """

    context = models.OneToOneField(
        AgentContext,
        primary_key=True,
        on_delete=models.CASCADE,
        related_name="briefing",
        verbose_name=gettext_lazy("run"),
    )
    content = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = gettext_lazy("briefing of a run")
        verbose_name_plural = gettext_lazy("briefings of runs")

    def __str__(self) -> str:
        return str(self.pk)
