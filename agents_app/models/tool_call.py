"""The ledger of side effects: one requested use of a tool."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from agents_app.core.status import SETTLED, Effect, ToolCallStatus
from agents_app.models.constraints import one_of
from agents_app.models.context import AgentContext
from agents_app.models.fields import uuid7
from agents_app.models.standing_grant import StandingGrant
from agents_app.models.step import AgentStep


class ToolCallQuerySet(models.QuerySet["ToolCall"]):
    def unsettled(self) -> "ToolCallQuerySet":
        """Neither succeeded, failed, rejected nor cancelled."""
        return self.exclude(status__in=SETTLED)


class ToolCall(models.Model):
    """`arguments` is canonical text (or, where it does not fit the schema, the LLM's own text); sensitive values in
    it are `***` and the full text lies encrypted in `sealed`. `digest` binds decisions to the full text.

    `attempt` counts starts, `failures` those that count against the tool's `retries`.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    context = models.ForeignKey(
        AgentContext,
        on_delete=models.CASCADE,
        related_name="tool_calls",
        verbose_name=gettext_lazy("run"),
        db_index=False,
    )
    number = models.PositiveIntegerField()
    proposed_by = models.ForeignKey(AgentStep, on_delete=models.CASCADE, related_name="proposed_calls", db_index=False)
    step = models.OneToOneField(AgentStep, null=True, blank=True, on_delete=models.CASCADE, related_name="tool_call")
    provider_id = models.CharField(max_length=200, help_text="The call's id in the LLM's reply, unique within it.")
    tool = models.CharField(max_length=100)
    effect = models.CharField(max_length=12)
    schema_hash = models.CharField(max_length=64, blank=True)
    arguments = models.TextField()
    sealed = models.TextField(blank=True)
    proposed_arguments = models.TextField(blank=True, help_text="As the LLM wrote them, where a person changed them.")
    arguments_hash = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64, blank=True)
    edited = models.BooleanField(default=False, help_text="A person changed the arguments.")
    idempotency_key = models.CharField(max_length=64, blank=True)
    status = models.CharField(max_length=20, default=ToolCallStatus.PROPOSED)
    status_at = models.DateTimeField()
    proposed_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    attempt = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    in_doubt = models.BooleanField(default=False, help_text="What an earlier attempt came to was never learned.")
    postponements = models.PositiveIntegerField(default=0)
    claim_number = models.PositiveIntegerField(null=True, blank=True)
    deadline_at = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(null=True, blank=True)
    reconcile = models.BooleanField(default=False, help_text="Its tool's reconcile can (still) be asked.")
    retries = models.PositiveSmallIntegerField(default=0)
    result = models.JSONField(null=True, blank=True)
    note = models.TextField(blank=True, help_text="What had to be done to the result to store it.")
    error_code = models.CharField(max_length=100, blank=True)
    error = models.TextField(blank=True)
    # Not held to it by the database: grants are kept, and a call may come back from another installation's archive.
    grant = models.ForeignKey(
        StandingGrant,
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="calls",
        verbose_name="standing grant",
        help_text="What allowed its last start, where no person was asked.",
    )

    objects = ToolCallQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("tool call")
        verbose_name_plural = gettext_lazy("tool calls")
        ordering = ["context", "number"]
        permissions = [("settle_toolcall", "Can settle calls of unknown outcome")]
        constraints = [
            models.UniqueConstraint(fields=["context", "number"], name="agents_call_number"),
            models.UniqueConstraint(fields=["proposed_by", "provider_id"], name="agents_call_provider_id"),
            one_of("status", ToolCallStatus, "agents_call_status"),
            one_of("effect", Effect, "agents_call_effect"),
            models.CheckConstraint(
                condition=~Q(status=ToolCallStatus.STARTED)
                | Q(started_at__isnull=False, step__isnull=False, claim_number__isnull=False),
                name="agents_call_started_is_recorded",
            ),
            models.CheckConstraint(
                condition=Q(status__in=sorted(SETTLED), settled_at__isnull=False)
                | (~Q(status__in=sorted(SETTLED)) & Q(settled_at__isnull=True)),
                name="agents_call_settled_at",
            ),
        ]
        indexes = [
            models.Index(fields=["context"], condition=~Q(status__in=sorted(SETTLED)), name="agents_call_unsettled"),
            models.Index(
                fields=["tool", "arguments_hash"],
                condition=Q(status=ToolCallStatus.UNKNOWN),
                name="agents_call_unknown",
            ),
            models.Index(fields=["grant"], condition=Q(grant__isnull=False), name="agents_call_of_grant"),
        ]

    def __str__(self) -> str:
        return f"{self.tool} #{self.number}"

    @property
    def settled(self) -> bool:
        """Whether it is over."""
        return self.status in SETTLED
