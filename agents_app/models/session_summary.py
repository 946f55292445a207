"""What an LLM made of the older part of a session's talk."""

from django.db import models
from django.utils.translation import gettext_lazy

from agents_app.models.session import AgentSession


class SessionSummary(models.Model):
    """One per session that grew too long, made anew as it goes on.

    `text` is about the runs up to `upto`, and `digest` says what these were then. `asked` is the run that is making the
    next one, up to `asked_upto`; `attempts` counts them since the last that came to something.
    """

    session = models.OneToOneField(
        AgentSession,
        primary_key=True,
        on_delete=models.CASCADE,
        related_name="summary",
        verbose_name=gettext_lazy("session"),
    )
    text = models.TextField(blank=True)
    upto = models.UUIDField(null=True, blank=True)
    digest = models.CharField(max_length=64, blank=True)
    llm = models.CharField(max_length=200, blank=True)
    made_at = models.DateTimeField(null=True, blank=True)
    asked = models.UUIDField(null=True, blank=True)
    asked_upto = models.UUIDField(null=True, blank=True)
    asked_digest = models.CharField(max_length=64, blank=True)
    attempts = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = gettext_lazy("summary of a session")
        verbose_name_plural = gettext_lazy("summaries of sessions")

    def __str__(self) -> str:
        return str(self.pk)
