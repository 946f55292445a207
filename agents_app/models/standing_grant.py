"""A yes that stands: calls of a tool that somebody allows from now on, within limits."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy

from agents_app.core.grants import GrantScope, GrantState
from agents_app.models.clock import DatabaseNow
from agents_app.models.constraints import one_of
from agents_app.models.fields import uuid7
from agents_app.models.rule_version import RuleModel, RuleQuerySet
from agents_app.models.session import AgentSession


class StandingGrantQuerySet(RuleQuerySet["StandingGrant"]):
    """Reads that say what they mean, and the counting of uses."""

    def standing(self) -> "StandingGrantQuerySet":
        """Neither revoked nor expired."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=DatabaseNow()), revoked_at=None)

    def live(self) -> "StandingGrantQuerySet":
        """Standing, and not used up."""
        return self.standing().filter(Q(uses_left=None) | Q(uses_left__gt=0))

    def use(self) -> int:
        """Count one more use of those that are live, and say how many were. The rules stay what they were."""
        counted = {"uses": F("uses") + 1, "uses_left": F("uses_left") - 1, "last_used_at": DatabaseNow()}
        return models.QuerySet.update(self.live(), **counted)

    def give_back(self) -> None:
        """Take one use back: the call was not made after all."""
        models.QuerySet.update(self, uses=F("uses") - 1, uses_left=F("uses_left") + 1)


class StandingGrant(RuleModel):
    """Calls of `tool` of `agent` for which all conditions hold are allowed in the owner's name, without asking anybody.

    `uses_left` None: as often as wanted; `expires_at` None: without end. People are kept by their key and their name.
    Rows are kept when they no longer count.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agent = models.CharField(max_length=100)
    tool = models.CharField(max_length=100)
    scope = models.CharField(max_length=8)
    session = models.ForeignKey(AgentSession, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    user_key = models.CharField(max_length=64, blank=True)
    user_name = models.CharField(max_length=200, blank=True)
    conditions = models.JSONField(default=list, blank=True, help_text="None: whatever the arguments are.")
    uses = models.PositiveIntegerField(default=0)
    uses_left = models.PositiveIntegerField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(blank=True)
    owner_key = models.CharField(max_length=64)
    owner_name = models.CharField(max_length=200)
    door = models.CharField(max_length=20)
    made_at = models.DateTimeField()
    # Of the request that it was made from; it may be archived, and is then not there any more.
    request_key = models.UUIDField()
    run_key = models.UUIDField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by_key = models.CharField(max_length=64, blank=True)
    revoked_by_name = models.CharField(max_length=200, blank=True)
    revoked_reason = models.TextField(blank=True)

    objects = StandingGrantQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("standing grant")
        verbose_name_plural = gettext_lazy("standing grants")
        ordering = ["-id"]
        permissions = [("revoke_standinggrant", "Can revoke standing grants of others")]
        constraints = [
            one_of("scope", GrantScope, "agents_grant_scope"),
            models.CheckConstraint(
                condition=Q(scope=GrantScope.SESSION.value, session__isnull=False)
                | (Q(scope=GrantScope.USER.value) & ~Q(user_key=""))
                | Q(scope=GrantScope.AGENT.value),
                name="agents_grant_has_its_scope",
            ),
            models.CheckConstraint(condition=~Q(owner_key=""), name="agents_grant_owner"),
        ]
        indexes = [
            models.Index(fields=["tool"], condition=Q(revoked_at=None), name="agents_grant_of_tool"),
            models.Index(fields=["owner_key"], name="agents_grant_owner_key"),
        ]

    def __str__(self) -> str:
        return f"{self.tool} of {self.agent}, by {self.owner_name}"

    def state_at(self, now: datetime) -> GrantState:
        """How it stands at this moment."""
        if self.revoked_at is not None:
            return GrantState.REVOKED
        if self.expires_at is not None and self.expires_at <= now:
            return GrantState.EXPIRED
        return GrantState.USED_UP if self.uses_left == 0 else GrantState.LIVE
