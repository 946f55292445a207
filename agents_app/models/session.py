"""A conversation (and memory) that several runs share."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from agents_app.models.fields import UserForeignKey, uuid7


class AgentSession(models.Model):
    """Unique by (user, key); without a user by (agent, key)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.CharField(max_length=200)
    user = UserForeignKey(related_name="agent_sessions")
    agent = models.CharField(max_length=100, help_text="The agent of the first run.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = gettext_lazy("session")
        verbose_name_plural = gettext_lazy("sessions")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "key"], condition=Q(user__isnull=False), name="agents_session_of_user"
            ),
            models.UniqueConstraint(
                fields=["agent", "key"], condition=Q(user__isnull=True), name="agents_session_of_agent"
            ),
        ]

    def __str__(self) -> str:
        return self.key
