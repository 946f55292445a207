"""The record of one action of a run."""

from django.db import models
from django.utils.translation import gettext_lazy

from agents_app.core.status import StepKind, StepStatus
from agents_app.models.constraints import one_of
from agents_app.models.context import AgentContext
from agents_app.models.fields import uuid7


class AgentStep(models.Model):
    """Number and attempt are fixed before the work. `claim_number` says which claim has it open; null: none.

    `response` of a `think` step is the LLM's reply: {"v": 1, "text", "thoughts", "calls": [{"id", "name", "kind",
    "ref"}], "answer"}; arguments of tool calls lie with the calls alone. `reservation` is null where no budget holds:
    {"v": 1, "attempt", "tokens", "money", "budgets": [[id, window]], "state": open|settled|released|kept, "note",
    "earlier": […]}. `sent` is {"v": 1, "earlier", "own", "shortened", "digest", "instructions"}: see `core.fitting`.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    context = models.ForeignKey(
        AgentContext, on_delete=models.CASCADE, related_name="steps", verbose_name=gettext_lazy("run"), db_index=False
    )
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=12)
    status = models.CharField(max_length=12, default=StepStatus.STARTED)
    status_at = models.DateTimeField()
    attempt = models.PositiveIntegerField(default=1)
    claim_number = models.PositiveIntegerField(null=True, blank=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    response = models.JSONField(null=True, blank=True)
    answered = models.BooleanField(default=False, help_text="The LLM's reply was an acceptable answer.")
    llm = models.CharField(max_length=200, blank=True)
    earlier_attempts = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="Of the attempts so far, how many no longer count toward LLM_ATTEMPTS: they were made at "
        "another LLM, or before somebody let the turn begin anew.",
    )
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    cost = models.DecimalField(max_digits=16, decimal_places=8, null=True, blank=True, help_text="USD")
    sent = models.JSONField(
        null=True, blank=True, help_text="What its request was built from, where memory or knowledge took part."
    )
    reservation = models.JSONField(null=True, blank=True, help_text="What its attempts reserved in budgets.")
    error_code = models.CharField(max_length=100, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        verbose_name = gettext_lazy("step")
        verbose_name_plural = gettext_lazy("steps")
        ordering = ["context", "number"]
        constraints = [
            models.UniqueConstraint(fields=["context", "number"], name="agents_step_number"),
            one_of("kind", StepKind, "agents_step_kind"),
            one_of("status", StepStatus, "agents_step_status"),
            models.UniqueConstraint(
                fields=["context"],
                condition=models.Q(kind=StepKind.THINK, status=StepStatus.STARTED),
                name="agents_step_one_think",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number}. {self.kind}"
