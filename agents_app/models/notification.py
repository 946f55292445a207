"""What people are to be told, how the ways to them stand, and who wants what."""

from enum import StrEnum

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from agents_app.models.approval import ApprovalRequest
from agents_app.models.constraints import one_of
from agents_app.models.context import AgentContext
from agents_app.models.fields import UserForeignKey, uuid7
from agents_app.models.tool_call import ToolCall


class NotificationState(StrEnum):
    """Where a notification stands. `dropped`: by the time there was nothing to tell any more."""

    WAITING = "waiting"
    SENT = "sent"
    PARKED = "parked"
    DROPPED = "dropped"


class Mode(StrEnum):
    """When a person wants to be told."""

    AT_ONCE = "at_once"
    DIGEST = "digest"
    OFF = "off"


WAITING = Q(state=NotificationState.WAITING)
SETTLED = (NotificationState.SENT, NotificationState.DROPPED)
PARKED = Q(state=NotificationState.PARKED)


class Notification(models.Model):
    """One message on one channel, to one person or (`to` is empty) to the channel's one place.

    Made once for each event, however often the event is heard. `attempts` is counted before each try. `link_used_at`:
    when the link in it that decides was used.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    context = models.ForeignKey(
        AgentContext,
        on_delete=models.CASCADE,
        related_name="notifications",
        verbose_name=gettext_lazy("run"),
        db_index=False,
    )
    request = models.ForeignKey(ApprovalRequest, on_delete=models.CASCADE, related_name="notifications", null=True)
    # It goes with its run, as the notification does: no search by it when calls are deleted.
    call = models.ForeignKey(
        ToolCall,
        on_delete=models.DO_NOTHING,
        related_name="notifications",
        null=True,
        db_index=False,
        db_constraint=False,
        help_text="Where it tells of a call of unknown outcome, in place of a request.",
    )
    channel = models.CharField(max_length=100)
    recipient = UserForeignKey(related_name="agent_notifications")
    to = models.CharField(max_length=100, blank=True, help_text="The recipient's primary key.")
    sequence = models.PositiveBigIntegerField(help_text="The event that it tells of.")
    kind = models.CharField(max_length=40, help_text="The type of that event.")
    digest = models.BooleanField(default=False, help_text="Told together with others.")
    state = models.CharField(max_length=10, default=NotificationState.WAITING)
    state_at = models.DateTimeField()
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True, help_text="What the last try came to, or why nothing is sent.")
    link_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = gettext_lazy("notification")
        verbose_name_plural = gettext_lazy("notifications")
        ordering = ["-id"]
        permissions = [("release_notification", "Can let parked notifications be sent again")]
        constraints = [
            one_of("state", NotificationState, "agents_notification_state"),
            models.UniqueConstraint(fields=["context", "sequence", "channel", "to"], name="agents_notification_once"),
        ]
        indexes = [
            models.Index(fields=["channel", "due_at"], condition=WAITING, name="agents_notification_due"),
            models.Index(fields=["-id"], condition=PARKED, name="agents_notification_parked"),
        ]

    def __str__(self) -> str:
        return f"notification {self.pk}"


class ChannelState(models.Model):
    """How one channel of NOTIFY stands; made when it is first used.

    While `taken_until` lasts one process sends on it, and the newest `claim_number` alone may write. After a failure
    of the channel itself nothing is tried before `retry_at`.
    """

    name = models.CharField(max_length=100, primary_key=True)
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    failing_since = models.DateTimeField(null=True, blank=True)
    retry_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)
    taken_until = models.DateTimeField(null=True, blank=True)
    claim_number = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = gettext_lazy("notification channel")
        verbose_name_plural = gettext_lazy("notification channels")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class NotificationPreference(models.Model):
    """When a person wants to be told on a channel. Where there is no row, the channel's own default counts."""

    id = models.BigAutoField(primary_key=True)
    user = UserForeignKey(related_name="agent_notification_preferences")
    channel = models.CharField(max_length=100)
    mode = models.CharField(max_length=10)
    changed_at = models.DateTimeField()

    class Meta:
        verbose_name = gettext_lazy("notification preference")
        verbose_name_plural = gettext_lazy("notification preferences")
        ordering = ["user", "channel"]
        constraints = [
            one_of("mode", Mode, "agents_preference_mode"),
            models.UniqueConstraint(fields=["user", "channel"], name="agents_preference_one"),
        ]

    def __str__(self) -> str:
        return f"{self.channel}: {self.mode}"
