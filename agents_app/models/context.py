"""The durable state of one run. Small and often updated; what is written once lies in `RunDetails`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy

from agents_app.core.functions import left_out
from agents_app.core.priority import RANKS, turn
from agents_app.core.status import ENDED, RunStatus
from agents_app.models.clock import DatabaseNow
from agents_app.models.constraints import one_of
from agents_app.models.fields import SubjectField, UserForeignKey, uuid7
from agents_app.models.prepared import read_once
from agents_app.models.session import AgentSession

SCHEMA_VERSION = 1
"""Of the JSON in a run's rows. Who stores what this release's readers would not understand counts it up in the run."""

BUSY = (RunStatus.IDLE, RunStatus.THINKING, RunStatus.USING_TOOL)
"""The statuses in which only a worker is needed."""


WAITS_FOR_SLOT = Q(at_limit__isnull=False, due_at__isnull=False, status__in=BUSY)
"""It was held back at a limit, and waits for a slot."""


class ContextQuerySet(models.QuerySet["AgentContext"]):
    """Reads of contexts that say what they mean."""

    def due(self) -> "ContextQuerySet":
        """Somebody must act on it now."""
        return self.filter(due_at__lte=DatabaseNow(), priority__in=RANKS.values())

    def claimable(self) -> "ContextQuerySet":
        """Due, not ended, and held by nobody."""
        free = Q(lease_until__isnull=True) | Q(lease_until__lte=DatabaseNow())
        return self.due().filter(free).exclude(status__in=ENDED)

    def live(self) -> "ContextQuerySet":
        """Not ended."""
        return self.exclude(status__in=ENDED)

    def heads(self, limit: int) -> list["ContextQuerySet"]:
        """Of each priority the `limit` that have been due longest, to be read by one statement: no more of the index is
        read than these."""
        return [self.filter(priority=rank).order_by("due_at")[:limit] for rank in RANKS.values()]

    def in_turn(self, limit: int) -> list["AgentContext"]:
        """The first of these: by priority, and by how long they have been due."""
        return first_in_turn(read_once(self.heads(limit)), limit)


def first_in_turn(heads: list["AgentContext"], limit: int) -> list["AgentContext"]:
    """The first of these heads of each priority."""
    return sorted(heads, key=AgentContext.turn)[:limit]


class AgentContext(models.Model):
    """One run. Its primary key is the `run_id`.

    `version` is the sequence number of its last event. `due_at` is when somebody must act on it, null for nobody.
    `claim_number` is the fencing token: it grows with each claim, and only the newest may write.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agent = models.CharField(max_length=100)
    session = models.ForeignKey(
        AgentSession, null=True, blank=True, on_delete=models.PROTECT, related_name="runs", db_index=False
    )
    user = UserForeignKey(related_name="agent_runs", db_index=False)
    status = models.CharField(max_length=24, default=RunStatus.IDLE)
    status_at = models.DateTimeField(help_text="Since when it has this status.")
    version = models.PositiveBigIntegerField(default=0)
    due_at = models.DateTimeField(null=True, blank=True)
    claim_number = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    claims_without_progress = models.PositiveSmallIntegerField(default=0)
    run_at = models.DateTimeField(null=True, blank=True, help_text="No turn of the LLM before this.")
    deadline_at = models.DateTimeField(null=True, blank=True)
    waiting_since = models.DateTimeField(null=True, blank=True, help_text="The deadline stands still since then.")
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    max_steps = models.PositiveIntegerField(default=20)
    steps_used = models.PositiveIntegerField(default=0)
    last_step = models.PositiveIntegerField(default=0)
    last_call = models.PositiveIntegerField(default=0)
    unknown_since = models.DateTimeField(
        null=True, blank=True, help_text="Since when workers meet it that do not know its agent or tool."
    )
    hints = models.PositiveSmallIntegerField(default=0, help_text="Wake-ups sent by the sweep since it became due.")
    hinted_at = models.DateTimeField(null=True, blank=True)
    priority = models.SmallIntegerField(default=0, db_default=0, help_text="1 is high, 0 normal, -1 low.")
    at_limit = models.CharField(  # noqa: DJ001  null keeps those that wait for no slot out of the index
        max_length=300,
        null=True,
        blank=True,
        help_text="The limit at which it was held back: no slot was free.",
    )
    at_limit_since = models.DateTimeField(null=True, blank=True)
    hidden_at = models.DateTimeField(null=True, blank=True, help_text="Since when it is hidden.")
    chain_salt = models.CharField(max_length=22, null=True, blank=True)  # noqa: DJ001  null: it has no chain yet
    chain_head = models.CharField(  # noqa: DJ001
        max_length=43, null=True, blank=True, help_text="The link of the last event of its hash chain."
    )

    objects = ContextQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("run")
        verbose_name_plural = gettext_lazy("runs")
        ordering = ["-id"]
        permissions = [
            ("view_transcript", "Can read what was said and done in runs"),
            ("view_sensitive", "Can see sensitive arguments of tool calls"),
            ("start_run", "Can start runs"),
            ("control_run", "Can cancel, pause, resume and retry runs"),
            ("hide_run", "Can hide runs, and show them again"),
            ("view_hidden", "Can see hidden runs"),
            ("erase_user", "Can erase what runs hold of a person"),
        ]
        indexes = [
            models.Index(
                fields=["priority", "due_at"], condition=Q(due_at__isnull=False), name="agents_context_due_next"
            ),
            models.Index(
                fields=["at_limit", "-priority", "at_limit_since"],
                condition=Q(at_limit__isnull=False, due_at__isnull=False),
                name="agents_context_at_limit",
            ),
            # A run that has no user (session, subject …) costs nothing in the index of those that have.
            models.Index(fields=["user", "-id"], condition=Q(user__isnull=False), name="agents_context_of_user"),
            models.Index(
                fields=["session", "-id"], condition=Q(session__isnull=False), name="agents_context_of_session"
            ),
            models.Index(fields=["agent", "-id"], name="agents_context_agent"),
            # None speaks of the status: a row whose indexed columns stay is updated without touching any index.
        ]
        constraints = [
            one_of("status", RunStatus, "agents_context_status"),
            models.CheckConstraint(
                condition=~Q(status__in=sorted(ENDED)) | Q(due_at__isnull=True, lease_until__isnull=True),
                name="agents_context_ended_rests",
            ),
            models.CheckConstraint(
                condition=Q(lease_until__isnull=True) | Q(due_at__isnull=False), name="agents_context_leased_is_due"
            ),
            models.CheckConstraint(condition=Q(steps_used__lte=F("last_step")), name="agents_context_steps_used"),
            # Workers look for these alone.
            models.CheckConstraint(condition=Q(priority__in=sorted(RANKS.values())), name="agents_context_priority"),
        ]

    def __str__(self) -> str:
        return f"{self.agent} {self.pk}"

    def turn(self) -> datetime:
        """Runs that are due are taken in this order."""
        assert self.due_at is not None, "nobody has to act on it"
        return turn(self.due_at, self.priority)

    @property
    def ended(self) -> bool:
        """Whether the run is over."""
        return self.status in ENDED

    @property
    def waits_for_slot(self) -> str:
        """The kind of limit at which it waits for a free slot: "agent", "user" or "session"; empty if it does not."""
        if self.at_limit is None or self.due_at is None or self.status not in BUSY:
            return ""
        return self.at_limit.partition(":")[0]

    @property
    def waits_for_code_since(self) -> datetime | None:
        """Since when the workers that look at it do not know the code that it needs next; None if it waits for none."""
        return self.unknown_since if self.due_at is not None and self.status in BUSY else None


class RunDetails(models.Model):
    """What a run was given, written once when it starts, and what came of it, written once when it ends."""

    context = models.OneToOneField(
        AgentContext,
        primary_key=True,
        on_delete=models.CASCADE,
        related_name="details",
        verbose_name=gettext_lazy("run"),
    )
    input = models.TextField()
    metadata = models.JSONField(default=dict, blank=True)
    agent_version = models.CharField(max_length=100, blank=True)
    definition_hash = models.CharField(max_length=64)
    schema_version = models.PositiveSmallIntegerField(default=SCHEMA_VERSION)
    idempotency_key = models.CharField(max_length=300, null=True, blank=True)  # noqa: DJ001  null: it has none
    user_name = models.CharField(max_length=200, blank=True)
    started_by = UserForeignKey(related_name="+", db_index=False)
    started_by_name = models.CharField(max_length=200, blank=True)
    # Plain, because the type may lie in another database; a type that is gone leaves a run about nothing.
    subject_type = models.ForeignKey(
        ContentType, null=True, blank=True, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False
    )
    subject_id = models.CharField(max_length=200, blank=True)
    subject = SubjectField("subject_type", "subject_id")
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    output = models.JSONField(null=True, blank=True)
    error_code = models.CharField(max_length=100, blank=True)
    error = models.TextField(blank=True)
    held_by = models.CharField(max_length=200, blank=True, help_text="Who paused it; empty for the system.")
    held_why = models.TextField(blank=True)
    held_code = models.CharField(
        max_length=40,
        blank=True,
        default="",
        db_default="",
        help_text="What holds it, if no person does.",
    )
    cancelled_by = models.CharField(max_length=200, blank=True)
    cancelled_why = models.TextField(blank=True)
    narrowed = models.JSONField(
        null=True, blank=True, help_text="Steps and seconds that its start allowed, where it said so."
    )
    without_memory = models.BooleanField(null=True, help_text="Its start wanted it to remember nothing.")
    without_knowledge = models.BooleanField(null=True, help_text="Its start wanted it to look nothing up.")
    restored_at = models.DateTimeField(
        null=True, blank=True, help_text="It was archived and brought back since then, to be read only."
    )
    hidden_by = models.CharField(max_length=200, blank=True, default="", db_default="")
    hidden_why = models.TextField(blank=True, default="", db_default="")
    erased_at = models.DateTimeField(
        null=True, blank=True, help_text="Since then it holds nothing of its user any more."
    )

    class Meta:
        verbose_name = gettext_lazy("run details")
        verbose_name_plural = gettext_lazy("run details")
        indexes = [
            models.Index(
                fields=["subject_type", "subject_id"],
                condition=Q(subject_type__isnull=False),
                name="agents_details_about",
            ),
            models.Index(fields=["started_by"], condition=Q(started_by__isnull=False), name="agents_details_starter"),
            models.Index(fields=["ended_at"], condition=Q(ended_at__isnull=False), name="agents_details_ended"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="agents_details_idempotency_key",
            )
        ]

    def tools_left_out(self, facts: Mapping[str, Any]) -> frozenset[str]:
        """The tools that it goes without, started without memory or without knowledge. facts: of its definition."""
        return left_out(facts, memory=bool(self.without_memory), knowledge=bool(self.without_knowledge))

    def __str__(self) -> str:
        return str(self.pk)
