"""The kill switch: what is switched off, since when, by whom and why."""

from django.db import models
from django.db.models import Q

from agents_app.models.fields import uuid7
from agents_app.models.rule_version import RuleModel, RuleQuerySet


class KillSwitch(RuleModel):
    """No call of this tool of this agent (empty: of all) starts until it is switched on again. Rows are kept."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agent = models.CharField(max_length=100, blank=True)
    tool = models.CharField(max_length=64, blank=True)
    reason = models.TextField(help_text="Read by staff and by the agent.")
    off_by = models.CharField("switched off by", max_length=200)
    off_at = models.DateTimeField("switched off")
    on_by = models.CharField("switched on by", max_length=200, blank=True)
    on_at = models.DateTimeField("switched on", null=True, blank=True)
    on_reason = models.TextField("reason to switch on", blank=True)

    objects = RuleQuerySet["KillSwitch"].as_manager()

    class Meta:
        verbose_name = "kill switch"
        verbose_name_plural = "kill switches"
        ordering = ["-off_at", "-id"]
        permissions = [("stop_agents", "Can switch agents and tools off and on")]
        constraints = [
            models.UniqueConstraint(fields=["agent", "tool"], condition=Q(on_at=None), name="agents_switch_one_off"),
        ]

    def __str__(self) -> str:
        return described(self.agent, self.tool)


def described(agent: str, tool: str) -> str:
    """What a policy or a switch is about, for people."""
    match bool(agent), bool(tool):
        case True, True:
            return f"{tool} of {agent}"
        case True, False:
            return f"agent {agent}"
        case False, True:
            return f"tool {tool} of all agents"
    return "all agents"
