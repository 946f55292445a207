"""What agents remember: facts, and the people and things that were spoken of. Both outlive the runs they come from."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from agents_app.core.memory import KEY_LIMIT, NAME_LIMIT, MemoryOrigin, Owner, Standing, Visibility
from agents_app.models.clock import DatabaseNow
from agents_app.models.constraints import one_of
from agents_app.models.fields import uuid7
from agents_app.models.session import AgentSession


class Remembered(models.Model):
    """One thing that is remembered of a user, or in a session. `place` says of whom, and who may see it (core/memory).

    People are kept by their key and their name; the run and the step that it comes from by number, since they may be
    archived.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    place = models.CharField(max_length=260, editable=False)
    user_key = models.CharField(max_length=64, blank=True)
    user_name = models.CharField(max_length=200, blank=True)
    session = models.ForeignKey(AgentSession, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    agent = models.CharField(max_length=100, blank=True, help_text="Whose run wrote it.")
    visibility = models.CharField(max_length=8, default=Visibility.USER)
    origin = models.CharField(max_length=10)
    origin_detail = models.CharField(max_length=100, blank=True, help_text="The tool whose result it stood in.")
    by_name = models.CharField(max_length=200, blank=True, help_text="The person who wrote it, if one did.")
    run_key = models.UUIDField(null=True, blank=True)
    step = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    forgotten_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    @property
    def owner(self) -> Owner:
        """Whose it is."""
        return Owner(user=self.user_key, session=self.session_id)


class FactQuerySet(models.QuerySet["Fact"]):
    """Reads that say what they mean."""

    def current(self) -> "FactQuerySet":
        """Neither superseded nor forgotten; whether it is valid now is another question."""
        return self.filter(superseded_by=None, forgotten_at=None)

    def live(self) -> "FactQuerySet":
        """What counts now."""
        begun = Q(valid_from=None) | Q(valid_from__lte=DatabaseNow())
        return self.current().filter(begun, Q(valid_until=None) | Q(valid_until__gt=DatabaseNow()))


class Fact(Remembered):
    """A sentence about somebody or something. Of one `key` in one place one is current; the newer wins, and the older
    one is kept, with what came in its place."""

    key = models.CharField(max_length=KEY_LIMIT, blank=True, help_text="What it is about: contact_channel.")
    text = models.TextField()
    confidence = models.FloatField(default=1.0, help_text="From 0 to 1.")
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True)
    # Not held to it by the database: what was superseded stays so when the other one is deleted.
    superseded_by = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="superseded",
    )
    digest = models.CharField(max_length=64, editable=False)
    vector = models.BinaryField(null=True, blank=True, editable=False)
    embedder = models.CharField(max_length=200, blank=True, editable=False)

    objects = FactQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("fact")
        verbose_name_plural = gettext_lazy("facts")
        ordering = ["-id"]
        permissions = [
            ("view_memory", "Can see what agents remember of people"),
            ("change_memory", "Can correct and delete what agents remember of people"),
        ]
        constraints = [
            one_of("origin", MemoryOrigin, "agents_fact_origin"),
            one_of("visibility", Visibility, "agents_fact_visibility"),
            models.CheckConstraint(
                condition=Q(confidence__gte=0.0) & Q(confidence__lte=1.0), name="agents_fact_confidence"
            ),
            models.UniqueConstraint(
                fields=["place", "key"],
                condition=Q(superseded_by=None, forgotten_at=None) & ~Q(key=""),
                name="agents_fact_one_of_key",
            ),
        ]
        indexes = [
            models.Index(fields=["place", "-updated_at"], name="agents_fact_place"),
            models.Index(fields=["user_key", "-id"], name="agents_fact_of_user"),
            # What was over long ago is deleted.
            models.Index(
                fields=["updated_at"], condition=Q(superseded_by__isnull=False), name="agents_fact_superseded"
            ),
            models.Index(
                fields=["forgotten_at"], condition=Q(forgotten_at__isnull=False), name="agents_fact_forgotten"
            ),
            models.Index(fields=["valid_until"], condition=Q(valid_until__isnull=False), name="agents_fact_expired"),
        ]

    def __str__(self) -> str:
        # Without its words: the admin's log keeps this, and is not reached when a person is erased.
        return f"fact {self.pk}"

    def standing_at(self, now: datetime) -> Standing:
        """How it stands at this moment."""
        if self.forgotten_at is not None:
            return Standing.FORGOTTEN
        if self.superseded_by_id is not None:
            return Standing.SUPERSEDED
        if self.valid_from is not None and self.valid_from > now:
            return Standing.TO_COME
        return Standing.EXPIRED if self.valid_until is not None and self.valid_until <= now else Standing.LIVE


class EntityQuerySet(models.QuerySet["Entity"]):
    """Reads that say what they mean."""

    def live(self) -> "EntityQuerySet":
        """Neither merged into another nor forgotten."""
        return self.filter(merged_into=None, forgotten_at=None)


class Entity(Remembered):
    """A person, company, order, thing that was spoken of. Of one type and name in one place there is one."""

    type = models.CharField(max_length=50)
    name = models.CharField(max_length=NAME_LIMIT)
    normal_name = models.CharField(max_length=NAME_LIMIT, editable=False)
    attributes = models.JSONField(default=dict, blank=True)
    aliases = models.JSONField(default=list, blank=True)
    merged_into = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="merged",
    )

    objects = EntityQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("entity")
        verbose_name_plural = gettext_lazy("entities")
        ordering = ["-id"]
        constraints = [
            one_of("origin", MemoryOrigin, "agents_entity_origin"),
            one_of("visibility", Visibility, "agents_entity_visibility"),
            models.UniqueConstraint(
                fields=["place", "type", "normal_name"],
                condition=Q(merged_into=None, forgotten_at=None),
                name="agents_entity_one_of_name",
            ),
        ]
        indexes = [
            models.Index(fields=["place", "-updated_at"], name="agents_entity_place"),
            models.Index(fields=["user_key", "-id"], name="agents_entity_of_user"),
            models.Index(fields=["updated_at"], condition=Q(merged_into__isnull=False), name="agents_entity_merged"),
            models.Index(
                fields=["forgotten_at"], condition=Q(forgotten_at__isnull=False), name="agents_entity_forgotten"
            ),
        ]

    def __str__(self) -> str:
        return f"entity {self.pk}"

    def standing_at(self, now: datetime) -> Standing:
        """How it stands at this moment."""
        if self.forgotten_at is not None:
            return Standing.FORGOTTEN
        return Standing.LIVE if self.merged_into_id is None else Standing.SUPERSEDED
