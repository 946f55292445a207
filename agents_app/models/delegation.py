"""Who decides in whose place, and for how long."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy

from agents_app.models.clock import DatabaseNow
from agents_app.models.fields import uuid7


class DelegationQuerySet(models.QuerySet["Delegation"]):
    """Reads of delegations that say what they mean."""

    def active(self) -> "DelegationQuerySet":
        """Begun, not over, not revoked."""
        return self.filter(revoked_at__isnull=True, begins_at__lte=DatabaseNow(), ends_at__gt=DatabaseNow())


class Delegation(models.Model):
    """The receiver may decide what the giver may, for a while. People are kept by their key and their name."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    giver_key = models.CharField(max_length=64)
    giver_name = models.CharField(max_length=200, verbose_name=gettext_lazy("whose decisions"))
    receiver_key = models.CharField(max_length=64)
    receiver_name = models.CharField(max_length=200, verbose_name=gettext_lazy("who decides instead"))
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.TextField(blank=True)
    made_by_name = models.CharField(max_length=200)
    made_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by_name = models.CharField(max_length=200, blank=True)

    objects = DelegationQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("delegation")
        verbose_name_plural = gettext_lazy("delegations")
        ordering = ["-id"]
        permissions = [("manage_delegation", "Can delegate decisions for others, and revoke that")]
        indexes = [
            models.Index(
                fields=["receiver_key"], condition=Q(revoked_at__isnull=True), name="agents_delegation_receiver"
            ),
            models.Index(fields=["giver_key"], name="agents_delegation_giver"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("begins_at")), name="agents_delegation_period"),
            models.CheckConstraint(condition=~Q(giver_key=F("receiver_key")), name="agents_delegation_two_people"),
        ]

    def __str__(self) -> str:
        return f"delegation {self.pk}"
