"""A place under a limit on how many runs are driven at once."""

from django.db import models
from django.utils.translation import gettext_lazy

from agents_app.models.context import AgentContext


class RunSlot(models.Model):
    """A run that counts under a limit, for as long as the lease of this very claim runs: a worker that dies frees it.

    `limit` names the limit: "agent:support", "user:7", "session:…".
    """

    id = models.BigAutoField(primary_key=True)
    limit = models.CharField(max_length=300)
    context = models.ForeignKey(
        AgentContext, on_delete=models.CASCADE, related_name="slots", verbose_name=gettext_lazy("run")
    )
    claim_number = models.PositiveIntegerField()

    class Meta:
        verbose_name = gettext_lazy("slot")
        verbose_name_plural = gettext_lazy("slots")
        constraints = [models.UniqueConstraint(fields=["limit", "context"], name="agents_slot_once")]

    def __str__(self) -> str:
        return f"{self.limit} {self.context_id}"
