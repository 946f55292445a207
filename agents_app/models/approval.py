"""The question about one exact call, and people's answers to it."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext, gettext_lazy

from agents_app.core.approval_times import OnExpiry
from agents_app.core.approver_rules import Approvers, read_approvers
from agents_app.core.risk import Risk
from agents_app.core.status import ApprovalStatus, Verdict
from agents_app.models.constraints import one_of
from agents_app.models.context import AgentContext
from agents_app.models.fields import UserForeignKey, uuid7
from agents_app.models.tool_call import ToolCall


class ApprovalRequest(models.Model):
    """At most one request of a call is open (pending or approved). It never goes back: a new one `supersedes` it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    context = models.ForeignKey(
        AgentContext, on_delete=models.CASCADE, related_name="approvals", verbose_name=gettext_lazy("run")
    )
    call = models.ForeignKey(ToolCall, on_delete=models.CASCADE, related_name="approvals")
    status = models.CharField(max_length=12, default=ApprovalStatus.PENDING)
    status_at = models.DateTimeField()
    created_at = models.DateTimeField()
    reason = models.TextField(help_text="Why a person is asked.")
    rule = models.CharField(max_length=200, help_text="The rule that asked.")
    summary = models.TextField(help_text="What will happen, in one sentence.")
    digest = models.CharField(max_length=64)
    permission = models.CharField(max_length=200, blank=True, help_text="What a decider needs besides.")
    risk = models.CharField(max_length=10, default=Risk.MEDIUM, db_default=Risk.MEDIUM)
    expires_at = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True, help_text="An approval is good until then.")
    valid_seconds = models.FloatField(null=True, blank=True, help_text="How long an approval will be good.")
    on_expiry = models.CharField(max_length=12, default=OnExpiry.REJECT, db_default=OnExpiry.REJECT)
    overdue_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when it keeps waiting, though the time to decide is over."
    )
    remind_at = models.DateTimeField(null=True, blank=True)
    reminded_at = models.DateTimeField(null=True, blank=True)
    escalate_at = models.DateTimeField(null=True, blank=True)
    escalated_at = models.DateTimeField(null=True, blank=True, help_text="Since when others may decide as well.")
    escalate_to = models.CharField(max_length=200, blank=True, default="", db_default="")
    escalate_to_group = models.CharField(max_length=150, blank=True, default="", db_default="")
    supersedes = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="superseded_by"
    )
    # Who may decide, as it was when people were asked. What is asked for now stands in columns, so that lists are one
    # query: users and groups may lie in another database, and are kept by key and name.
    approvers = models.JSONField(null=True, blank=True, help_text="The rule on who may decide.")
    stage = models.PositiveSmallIntegerField(default=0, db_default=0, help_text="Which of its stages it is at.")
    round = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        help_text="Grows with each edit; approvals of earlier rounds do not count.",
    )
    quorum = models.PositiveSmallIntegerField(default=1, db_default=1)
    stage_permission = models.CharField(max_length=200, blank=True, default="", db_default="")
    group = models.CharField(max_length=150, blank=True, default="", db_default="")
    named = models.BooleanField(default=False, db_default=False, help_text="Only those may decide who are named.")
    four_eyes = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Who asked for it may not approve it, nor who edited it.",
    )
    requester_key = models.CharField(max_length=64, blank=True, default="", db_default="")
    requester_name = models.CharField(max_length=200, blank=True, default="", db_default="")
    claimed_by_key = models.CharField(max_length=64, blank=True, default="", db_default="")
    claimed_by_name = models.CharField(max_length=200, blank=True, default="", db_default="")
    claimed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = gettext_lazy("approval request")
        verbose_name_plural = gettext_lazy("approval requests")
        ordering = ["-id"]
        permissions = [
            ("decide_approvalrequest", "Can approve and reject tool calls"),
            ("reassign_approvalrequest", "Can hand approval requests that others have claimed to somebody else"),
        ]
        constraints = [
            one_of("status", ApprovalStatus, "agents_approval_status"),
            models.UniqueConstraint(
                fields=["call"],
                condition=Q(status__in=[ApprovalStatus.PENDING, ApprovalStatus.APPROVED]),
                name="agents_approval_one_open",
            ),
            models.CheckConstraint(
                condition=~Q(status=ApprovalStatus.APPROVED) | Q(valid_until__isnull=False),
                name="agents_approval_validity",
            ),
        ]
        indexes = [
            models.Index(
                fields=["created_at"], condition=Q(status=ApprovalStatus.PENDING), name="agents_approval_pending"
            ),
            models.Index(
                fields=["expires_at", "created_at", "id"],
                condition=Q(status=ApprovalStatus.PENDING),
                name="agents_approval_due_first",
            ),
            models.Index(fields=["context"], condition=Q(status=ApprovalStatus.PENDING), name="agents_approval_of_run"),
            models.Index(
                fields=["group", "stage_permission", "permission", "created_at"],
                condition=Q(status=ApprovalStatus.PENDING),
                name="agents_approval_put_to",
            ),
            models.Index(
                fields=["claimed_by_key"],
                condition=Q(status=ApprovalStatus.PENDING) & ~Q(claimed_by_key=""),
                name="agents_approval_claimed",
            ),
            models.Index(
                fields=["escalate_to_group"],
                condition=Q(status=ApprovalStatus.PENDING, escalated_at__isnull=False),
                name="agents_approval_escalated",
            ),
        ]

    @property
    def why(self) -> str:
        """The reason for people: our own sentences in their language, an author's as they are."""
        return gettext(self.reason) if self.reason else ""

    @property
    def approver_rule(self) -> Approvers:
        """The rule on who may decide, as it was when people were asked; requests of earlier releases have none."""
        return read_approvers(self.approvers or {})

    def __str__(self) -> str:
        # Not the summary: Django shows and stores this text where nobody asks who may read it.
        return f"approval request {self.pk}"


class NamedApprover(models.Model):
    """Somebody whom a resolver names as one who may decide on a request, at one of its stages."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    request = models.ForeignKey(ApprovalRequest, on_delete=models.CASCADE, related_name="named_approvers")
    stage = models.PositiveSmallIntegerField(default=0)
    round = models.PositiveSmallIntegerField(default=0, help_text="Whom it named for the arguments of that round.")
    person_key = models.CharField(max_length=64)
    person_name = models.CharField(max_length=200)

    class Meta:
        verbose_name = gettext_lazy("named approver")
        verbose_name_plural = gettext_lazy("named approvers")
        constraints = [
            models.UniqueConstraint(
                fields=["request", "round", "stage", "person_key"], name="agents_named_approver_once"
            )
        ]
        indexes = [models.Index(fields=["person_key", "request"], name="agents_named_approver_of")]

    def __str__(self) -> str:
        return f"named approver {self.pk}"


class DecisionQuerySet(models.QuerySet["Decision"]):
    """Append-only."""

    def update(self, **kwargs: object) -> int:
        """Refused: decisions are a record."""
        raise TypeError("Decisions are append-only.")

    def delete(self) -> tuple[int, dict[str, int]]:
        """Refused: decisions are a record; they go with their run only."""
        raise TypeError("Decisions are append-only.")


class Decision(models.Model):
    """One person's word on an approval request, or on a call of unknown outcome. Append-only.

    `digest_shown` is what the person saw, `digest` what they decided on (other than shown only by an edit).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    call = models.ForeignKey(ToolCall, on_delete=models.CASCADE, related_name="decisions")
    request = models.ForeignKey(
        ApprovalRequest, null=True, blank=True, on_delete=models.CASCADE, related_name="decisions"
    )
    verdict = models.CharField(max_length=12)
    user = UserForeignKey(related_name="agent_decisions")
    user_name = models.CharField(max_length=200)
    door = models.CharField(max_length=20, help_text="admin, rest, websocket, command, link, code")
    address = models.GenericIPAddressField(null=True, blank=True)
    reason = models.TextField(blank=True)
    digest_shown = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64, blank=True)
    arguments = models.TextField(blank=True, help_text="As decided, where edited; sensitive values are ***.")
    arguments_before = models.TextField(blank=True)
    decided_at = models.DateTimeField()
    stage = models.PositiveSmallIntegerField(default=0, db_default=0)
    round = models.PositiveSmallIntegerField(default=0, db_default=0)
    on_behalf_of_key = models.CharField(max_length=64, blank=True, default="", db_default="")
    on_behalf_of_name = models.CharField(
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text="Whose decision this was, by a delegation.",
    )

    objects = DecisionQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("decision")
        verbose_name_plural = gettext_lazy("decisions")
        ordering = ["id"]
        constraints = [
            one_of("verdict", Verdict, "agents_decision_verdict"),
            models.UniqueConstraint(
                fields=["request"],
                condition=Q(verdict__in=[Verdict.APPROVED, Verdict.REJECTED, Verdict.SENT_BACK]),
                name="agents_decision_one_final",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} by {self.user_name}"

    def save(self, *args: object, **kwargs: object) -> None:
        """Insert. Raises TypeError for a decision that is stored already."""
        if not self._state.adding:
            raise TypeError("Decisions are append-only.")
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    def delete(self, *args: object, **kwargs: object) -> tuple[int, dict[str, int]]:
        """Refused: decisions are a record; they go with their run only."""
        raise TypeError("Decisions are append-only.")
