"""The question of the built-in tool `ask_user` to the run's user."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from agents_app.core.status import InputStatus
from agents_app.models.constraints import one_of
from agents_app.models.context import AgentContext
from agents_app.models.fields import UserForeignKey, uuid7
from agents_app.models.step import AgentStep


class InputRequest(models.Model):
    """`schema` is the JSON schema that an answer must satisfy; null: any text."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    context = models.ForeignKey(
        AgentContext, on_delete=models.CASCADE, related_name="input_requests", verbose_name=gettext_lazy("run")
    )
    step = models.OneToOneField(AgentStep, on_delete=models.CASCADE, related_name="input_request")
    proposed_by = models.ForeignKey(AgentStep, on_delete=models.CASCADE, related_name="proposed_inputs")
    provider_id = models.CharField(max_length=200)
    question = models.TextField()
    schema = models.JSONField(null=True, blank=True)
    status = models.CharField(max_length=12, default=InputStatus.PENDING)
    status_at = models.DateTimeField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    answer = models.JSONField(null=True, blank=True)
    answered_by = UserForeignKey(related_name="+")
    answered_by_name = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = gettext_lazy("input request")
        verbose_name_plural = gettext_lazy("input requests")
        ordering = ["-id"]
        permissions = [("answer_inputrequest", "Can answer questions of other people's runs")]
        constraints = [
            one_of("status", InputStatus, "agents_input_status"),
            models.UniqueConstraint(fields=["proposed_by", "provider_id"], name="agents_input_provider_id"),
        ]
        indexes = [
            models.Index(fields=["context"], condition=Q(status=InputStatus.PENDING), name="agents_input_pending")
        ]

    def __str__(self) -> str:
        # Not the question: Django shows and stores this text where nobody asks who may read it.
        return f"input request {self.pk}"
