"""The kill switch: what is switched off, since when, by whom and why."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext, gettext_lazy

from agents_app.models.fields import uuid7
from agents_app.models.rule_version import RuleModel, RuleQuerySet


class KillSwitch(RuleModel):
    """No call of this tool of this agent (empty: of all) starts until it is switched on again. Rows are kept."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agent = models.CharField(max_length=100, blank=True)
    tool = models.CharField(max_length=64, blank=True)
    reason = models.TextField(help_text=gettext_lazy("Read by staff and by the agent."))
    off_by = models.CharField(gettext_lazy("switched off by"), max_length=200)
    off_at = models.DateTimeField(gettext_lazy("switched off"))
    on_by = models.CharField(gettext_lazy("switched on by"), max_length=200, blank=True)
    on_at = models.DateTimeField(gettext_lazy("switched on"), null=True, blank=True)
    on_reason = models.TextField(gettext_lazy("reason to switch on"), blank=True)

    objects = RuleQuerySet["KillSwitch"].as_manager()

    class Meta:
        verbose_name = gettext_lazy("kill switch")
        verbose_name_plural = gettext_lazy("kill switches")
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
            return gettext("%(tool)s of %(agent)s") % {"tool": tool, "agent": agent}
        case True, False:
            return gettext("agent %(agent)s") % {"agent": agent}
        case False, True:
            return gettext("tool %(tool)s of all agents") % {"tool": tool}
    return gettext("all agents")
