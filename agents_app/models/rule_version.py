"""Which rules hold now. Processes keep the rules in memory; the write that starts a call asks whether they still hold.

An installation that never had a policy, a switch or a standing grant has no row here, and asks nothing else.
"""

from collections.abc import Iterable
from typing import Any, TypeVar
from uuid import uuid4

from django.db import models, transaction
from django.utils.translation import gettext_lazy

from agents_app.conf import conf

M = TypeVar("M", bound=models.Model)
THE_ONE = 1


class RuleVersion(models.Model):
    """One row. `version` is another text after each change of a rule, and never one that was before."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=THE_ONE)
    version = models.CharField(max_length=32)

    class Meta:
        verbose_name = gettext_lazy("version of the rules")
        verbose_name_plural = gettext_lazy("versions of the rules")
        constraints = [models.CheckConstraint(condition=models.Q(id=THE_ONE), name="agents_rule_version_one")]

    def __str__(self) -> str:
        return self.version


def renew_rules() -> None:
    """Let every process read the rules anew before it starts a call; in the transaction of the change."""
    RuleVersion.objects.update_or_create(pk=THE_ONE, defaults={"version": uuid4().hex})


class RuleQuerySet(models.QuerySet[M]):
    """Whatever changes rules is noticed by those who judge."""

    def update(self, **values: Any) -> int:
        """Change rows, and let everybody read them anew."""
        with transaction.atomic(using=conf.DATABASE):
            renew_rules()
            return super().update(**values)

    def delete(self) -> tuple[int, dict[str, int]]:
        """Remove rows, and let everybody read the others anew."""
        with transaction.atomic(using=conf.DATABASE):
            renew_rules()
            return super().delete()

    def bulk_create(self, objs: Iterable[M], *args: Any, **options: Any) -> list[M]:
        """Add rows, and let everybody read them anew."""
        with transaction.atomic(using=conf.DATABASE):
            renew_rules()
            return super().bulk_create(objs, *args, **options)


class RuleModel(models.Model):
    """Base of policies, switches and standing grants."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **options: Any) -> None:
        """Store it, and let everybody read the rules anew."""
        with transaction.atomic(using=conf.DATABASE):
            renew_rules()
            super().save(*args, **options)

    def delete(self, *args: Any, **options: Any) -> tuple[int, dict[str, int]]:
        """Remove it, and let everybody read the rules anew."""
        with transaction.atomic(using=conf.DATABASE):
            renew_rules()
            return super().delete(*args, **options)
