"""Collections of documents, and who may look things up in them."""

from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.db.models.fields.related_descriptors import ManyToManyDescriptor
from django.db.utils import DEFAULT_DB_ALIAS
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy

from agents_app.conf import conf
from agents_app.knowledge.reasons import reason
from agents_app.models.fields import uuid7

if TYPE_CHECKING:
    ManyToManyField = models.ManyToManyField[Any, Any]
    Descriptor = ManyToManyDescriptor[Any, Any]
else:
    ManyToManyField, Descriptor = models.ManyToManyField, ManyToManyDescriptor  # not generic when it runs


class GroupsField(ManyToManyField):
    """Groups of the project. Where AGENTS_APP["DATABASE"] is another database than theirs, without a constraint."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs |= {"to": "auth.Group", "blank": True, "db_constraint": conf.DATABASE == DEFAULT_DB_ALIAS}
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        for given in ("to", "blank", "db_constraint"):
            kwargs.pop(given, None)
        return name, path, args, kwargs

    def contribute_to_class(
        self, cls: type[models.Model], name: str, private_only: bool = False, **kwargs: Any
    ) -> None:
        super().contribute_to_class(cls, name, **kwargs)
        if conf.DATABASE != DEFAULT_DB_ALIAS:
            setattr(cls, self.name, GroupsElsewhere(self.remote_field, reverse=False))


class GroupsElsewhere(Descriptor):
    """Groups that are in another database than the rows which name them: Django would join both tables in one, and
    either find no table, or find nobody there and keep a group for ever that was taken out."""

    @cached_property
    def related_manager_cls(self) -> Any:
        base: Any = super().related_manager_cls

        class Manager(base):  # type: ignore[misc]  # made by Django while it runs
            def _held(self) -> list[Any]:
                rows = self.through._default_manager.filter(**{self.source_field_name: self.instance})
                return list(rows.values_list(self.target_field_name, flat=True))

            def get_queryset(self) -> Any:
                return self.model._default_manager.filter(pk__in=self._held())

            def set(self, objs: Any, *, clear: bool = False, through_defaults: Any = None) -> None:
                key = self.model._meta.pk
                wanted = {each.pk if isinstance(each, models.Model) else key.to_python(each) for each in objs}
                held = set(self._held())
                with transaction.atomic(using=conf.DATABASE):
                    self.remove(*(held if clear else held - wanted))
                    self.add(*(wanted if clear else wanted - held))

        return Manager


class Collection(models.Model):
    """What belongs together, and may be searched by the same people.

    Somebody sees it if it is public, if one of their groups is among the viewers, if they have the permission it names,
    or the permission `view_collection`, of all collections or of this object (see `agents_app.knowledge.permissions`).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.SlugField(
        max_length=100, unique=True, help_text=gettext_lazy("Agents and commands call it by this name.")
    )
    title = models.CharField(max_length=200, blank=True)
    description = models.TextField(blank=True, help_text=gettext_lazy("Told to agents that may search in it."))
    public = models.BooleanField(default=False, help_text=gettext_lazy("Everybody's run may find what is in it."))
    viewers = GroupsField(
        related_name="+", help_text=gettext_lazy("Groups whose members' runs may find what is in it.")
    )
    permission = models.CharField(
        max_length=200,
        blank=True,
        help_text=gettext_lazy("Whoever has this permission (app.name) may find it, too."),
    )
    embedder = models.CharField(
        max_length=200,
        blank=True,
        editable=False,
        help_text=gettext_lazy("Whose vectors are searched. Empty: none yet, full text only."),
    )
    next_embedder = models.CharField(
        max_length=200,
        blank=True,
        editable=False,
        help_text=gettext_lazy("Whose vectors are being made; it takes over when all are there."),
    )
    embedding_error = models.TextField(blank=True, editable=False)
    embedding_error_code = models.CharField(max_length=100, blank=True, default="", db_default="", editable=False)
    embedding_error_values = models.JSONField(null=True, blank=True, editable=False)
    embedding_due_at = models.DateTimeField(null=True, blank=True, editable=False)
    embedding_claim = models.PositiveIntegerField(default=0, editable=False)
    removed_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text=gettext_lazy("Nobody sees it; what is in it is being deleted.")
    )
    made_at = models.DateTimeField(auto_now_add=True)

    objects = models.Manager["Collection"]()

    class Meta:
        verbose_name = gettext_lazy("collection")
        verbose_name_plural = gettext_lazy("collections")
        ordering = ["name"]
        indexes = [
            models.Index(
                fields=["embedding_due_at"],
                condition=models.Q(embedding_due_at__isnull=False),
                name="agents_k_collection_due",
            )
        ]

    def __str__(self) -> str:
        return self.title or self.name

    @property
    def embedding_reason(self) -> str:
        """What the embedder said when it failed, with its code, in the language of who reads it now; else empty."""
        said = reason(self.embedding_error, self.embedding_error_values)
        return f"{said} ({self.embedding_error_code})" if said and self.embedding_error_code else said
