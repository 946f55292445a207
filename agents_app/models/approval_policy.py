"""Rules that staff keep: which calls are allowed, ask a person, or are denied."""

from django.db import models
from django.utils.translation import gettext_lazy

from agents_app.core.policy import Answer
from agents_app.models.constraints import one_of
from agents_app.models.fields import uuid7
from agents_app.models.rule_version import RuleModel, RuleQuerySet


class ApprovalPolicy(RuleModel):
    """It speaks of calls of this tool of this agent (empty: of all) for which all conditions hold."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(
        max_length=100, unique=True, help_text=gettext_lazy("Shown with every call that it decides on.")
    )
    agent = models.CharField(max_length=100, blank=True)
    tool = models.CharField(max_length=64, blank=True)
    conditions = models.JSONField(default=list, blank=True)
    answer = models.CharField(
        max_length=5, choices=[(each.value, each.value) for each in Answer], default=Answer.ASK.value
    )
    reason = models.TextField(
        blank=True, help_text=gettext_lazy("Read by whoever decides; of a denied call by the agent.")
    )
    approvers = models.JSONField(null=True, blank=True)
    priority = models.IntegerField(
        default=0, help_text=gettext_lazy("Of policies that answer alike, the highest is named and says who decides.")
    )
    active = models.BooleanField(default=True)
    valid_from = models.DateTimeField(null=True, blank=True, help_text=gettext_lazy("Empty: from now on."))
    valid_until = models.DateTimeField(null=True, blank=True, help_text=gettext_lazy("Empty: without end."))
    made_by = models.CharField(max_length=200, blank=True, editable=False)
    made_at = models.DateTimeField(editable=False)
    updated_by = models.CharField(max_length=200, blank=True, editable=False)
    updated_at = models.DateTimeField(editable=False)

    objects = RuleQuerySet["ApprovalPolicy"].as_manager()

    class Meta:
        verbose_name = gettext_lazy("policy")
        verbose_name_plural = gettext_lazy("policies")
        ordering = ["name"]
        constraints = [one_of("answer", Answer, "agents_policy_answer")]

    def __str__(self) -> str:
        return self.name
